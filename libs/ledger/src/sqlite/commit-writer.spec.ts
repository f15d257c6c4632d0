import { join } from 'node:path';
import type Database from 'better-sqlite3';
import {
  MIGRATIONS,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { encodeDraft } from '../draft-encoding';
import { CommitWriter } from './commit-writer';
import { openLedgerFile } from './ledger-file';
import { packBatch, type PackedBatch } from './packed-batch';

let db: Database.Database;
let writer: CommitWriter;

beforeEach(() => {
  const file = join(temporaryDirectory(), 'ledger.db');
  const open = () => openLedgerFile({ file, mode: 'create', migrations: MIGRATIONS }).db;
  writer = new CommitWriter(() => (db = open()), file);
});
afterEach(() => {
  db.close();
  removeTemporaryDirectories();
});

const packed = (id: string, bytes = 0): PackedBatch => {
  const events = [event(`s/${id}`, 0, { words: new Uint8Array(bytes) })];
  return packBatch([encodeDraft(draft(id, { events }))]);
};

const ids = (): unknown[] =>
  db.prepare('SELECT command_id FROM commits ORDER BY position').pluck().all();

it('writes nothing of a batch that the disk has no room for, and goes on when it has', async () => {
  await writer.append([packed('before')]);
  const pages = Number(db.pragma('page_count', { simple: true }));
  db.pragma(`max_page_count = ${pages + 4}`);
  const batch = [packed('small'), packed('large', 1_000_000), packed('after')];
  await expect(writer.append(batch)).rejects.toMatchObject({ code: 'io' });
  expect([db.inTransaction, ids()]).toEqual([false, ['before']]);
  db.pragma('max_page_count = 1000000');
  expect(await writer.append(batch)).toHaveLength(3);
  expect(ids()).toEqual(['before', 'small', 'large', 'after']);
});

it('writes nothing of a batch that breaks off with an error of another kind', async () => {
  const broken = { ...packed('b'), bytes: new Uint8Array(9) };
  await expect(writer.append([packed('a'), broken])).rejects.toThrow(TypeError);
  expect([db.inTransaction, ids()]).toEqual([false, []]);
  await writer.append([packed('a')]);
  expect(ids()).toEqual(['a']);
});

it('undoes the one draft the database refuses halfway, and its position goes to the next', async () => {
  db.exec(`CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.events WHEN new.stream = 's/b'
           BEGIN SELECT raise(ABORT, 'not this one'); END`);
  const [first, second, third] = await writer.append([packed('a'), packed('b'), packed('c')]);
  expect(first).toMatchObject({ kind: 'appended', position: 1 });
  expect(second).toMatchObject({ kind: 'failed', code: 'corrupt' });
  expect(third).toMatchObject({ kind: 'appended', position: 2 });
  expect(ids()).toEqual(['a', 'c']);
});
