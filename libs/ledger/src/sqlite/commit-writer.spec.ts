import { join } from 'node:path';
import type Database from 'better-sqlite3';
import {
  MIGRATIONS,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { encodeDraft, type EncodedDraft } from '../draft-encoding';
import { LedgerError } from '../ledger-error';
import { CommitWriter } from './commit-writer';
import { openLedgerFile } from './ledger-file';

let db: Database.Database;
let writer: CommitWriter;

beforeEach(() => {
  const file = join(temporaryDirectory(), 'ledger.db');
  ({ db } = openLedgerFile({ file, mode: 'create', migrations: MIGRATIONS }));
  writer = new CommitWriter(db, file);
});
afterEach(() => {
  db.close();
  removeTemporaryDirectories();
});

const encoded = (id: string, bytes = 0): EncodedDraft =>
  encodeDraft(draft(id, { events: [event(`s/${id}`, 0, { words: new Uint8Array(bytes) })] }));

const ids = (): unknown[] =>
  db.prepare('SELECT command_id FROM commits ORDER BY position').pluck().all();

it('writes nothing of a batch that the disk has no room for, and goes on when it has', () => {
  writer.appendBatch([encoded('before')]);
  const pages = Number(db.pragma('page_count', { simple: true }));
  db.pragma(`max_page_count = ${pages + 4}`);
  const batch = [encoded('small'), encoded('large', 1_000_000), encoded('after')];
  expect(() => writer.appendBatch(batch)).toThrow(expect.objectContaining({ code: 'io' }));
  expect([db.inTransaction, ids()]).toEqual([false, ['before']]);
  db.pragma('max_page_count = 1000000');
  expect(writer.appendBatch(batch)).toHaveLength(3);
  expect(ids()).toEqual(['before', 'small', 'large', 'after']);
});

it('writes nothing of a batch that breaks off with an error of another kind', () => {
  const broken = { ...encoded('b'), reads: undefined } as unknown as EncodedDraft;
  expect(() => writer.appendBatch([encoded('a'), broken])).toThrow(TypeError);
  expect([db.inTransaction, ids()]).toEqual([false, []]);
  writer.appendBatch([encoded('a')]);
  expect(ids()).toEqual(['a']);
});

it('undoes the one draft the database refuses halfway, and its position goes to the next', () => {
  db.exec(`CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.events WHEN new.stream = 's/b'
           BEGIN SELECT raise(ABORT, 'not this one'); END`);
  const [first, second, third] = writer.appendBatch([encoded('a'), encoded('b'), encoded('c')]);
  expect(first).toMatchObject({ kind: 'appended', commit: { position: 1 } });
  expect(second).toBeInstanceOf(LedgerError);
  expect(third).toMatchObject({ kind: 'appended', commit: { position: 2 } });
  expect(ids()).toEqual(['a', 'c']);
});
