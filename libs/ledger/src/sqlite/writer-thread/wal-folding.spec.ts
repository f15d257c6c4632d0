import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  MIGRATIONS,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../../__fixtures__/drafts';
import { encodeDraft } from '../../draft-encoding';
import { CommitWriter } from '../commit-writer';
import { openLedgerFile } from '../ledger-file';
import { packBatch } from '../packed-batch';
import { SqliteLedger } from '../sqlite-ledger';
import { WalFolding } from './wal-folding';

const PAGE_BYTES = 4096;
/** Enough on the slowest machine; a WAL that is not folded is never less than half of what was written. */
const COMMITS_MAX = 5000;

afterEach(removeTemporaryDirectories);

it('keeps the WAL short beside a writer that never rests, and loses nothing', async () => {
  const file = join(temporaryDirectory(), 'ledger.db');
  const folding = new WalFolding({ file, foldBytes: 1 });
  const options = { file, migrations: MIGRATIONS, mode: 'create' } as const;
  const writer = new CommitWriter(() => openLedgerFile(options).db, file, folding);
  let written = 0;
  let commits = 0;
  do {
    const events = [event(`s/${commits}`, 0, { words: new Uint8Array(5 * PAGE_BYTES) })];
    const batch = packBatch([encodeDraft(draft(`c${commits++}`, { events }))]);
    const { length } = batch.bytes;
    await writer.append([batch]);
    writer.fold(length);
    written += length;
    // As long as an fsync takes on many a disk.
    await new Promise((resolve) => setTimeout(resolve, 2));
  } while (statSync(`${file}-wal`).size > written / 2 && commits < COMMITS_MAX);
  await writer.close();
  const ledger = await SqliteLedger.open({ ...options, mode: 'read' });
  expect(await ledger.verify()).toEqual({ ok: true, commits, firstBad: null });
  await ledger.close();
  expect(commits).toBeLessThan(COMMITS_MAX);
}, 60_000);
