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
const COMMITS = 200;

afterEach(removeTemporaryDirectories);

it('keeps the WAL short beside a writer that never rests, and loses nothing', async () => {
  const file = join(temporaryDirectory(), 'ledger.db');
  const folding = new WalFolding({ file }, 1);
  const options = { file, migrations: MIGRATIONS, mode: 'create' } as const;
  const writer = new CommitWriter(() => openLedgerFile(options).db, file, folding);
  let written = 0;
  for (let n = 0; n < COMMITS; n++) {
    const events = [event(`s/${n}`, n, { words: new Uint8Array(5 * PAGE_BYTES) })];
    const batch = packBatch([encodeDraft(draft(`c${n}`, { events }))]);
    const length = batch.bytes.length;
    await writer.append([batch]);
    writer.fold(length);
    written += length;
    // As long as an fsync takes on many a disk.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(statSync(`${file}-wal`).size).toBeLessThan(written / 2);
  await writer.close();
  const ledger = await SqliteLedger.open({ ...options, mode: 'read' });
  expect(await ledger.verify()).toEqual({ ok: true, commits: COMMITS, firstBad: null });
  await ledger.close();
});
