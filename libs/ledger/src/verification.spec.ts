import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import {
  MIGRATIONS,
  appended,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from './__fixtures__/drafts';
import { hashCommit } from './commit-hash';
import { LedgerError } from './ledger-error';
import type { Verification } from './port';
import type { EventRow } from './rows';
import { COMMIT_COLUMNS, commitRow, type CommitColumns } from './sqlite/columns';
import { SqliteLedger } from './sqlite/sqlite-ledger';

const COMMITS = 12;

let directory: string;
let original: string;
let file: string;
let copies = 0;

beforeAll(async () => {
  directory = temporaryDirectory();
  original = join(directory, 'original.db');
  const ledger = await SqliteLedger.open({
    file: original,
    migrations: MIGRATIONS,
    mode: 'create',
    writer: 'here',
  });
  for (let i = 1; i <= COMMITS; i++) {
    const words = Uint8Array.of(i, 0, 255);
    const events = [event('a/1', i, { words }), event(`b/${i}`, i), event('a/1', i)];
    const more = { commandWords: words, correlationId: `trace-${i}`, causationId: 'cause \ufffd' };
    await appended(ledger, draft('c'.repeat(i), { ...more, events }));
  }
  await ledger.close();
});
afterAll(removeTemporaryDirectories);
beforeEach(freshCopy);

/**
 * Under a name of its own: a reader leaves its -wal and -shm beside the file, which do not fit
 * another one.
 */
function freshCopy(): void {
  file = join(directory, `tampered-${copies++}.db`);
  copyFileSync(original, file);
}

function tamper(change: (db: Database.Database) => void): void {
  const db = new Database(file);
  db.pragma('foreign_keys = OFF');
  db.pragma('ignore_check_constraints = ON');
  change(db);
  db.close();
}

async function verify(): Promise<Verification> {
  const ledger = await SqliteLedger.open({ file, migrations: MIGRATIONS, mode: 'read' });
  try {
    return await ledger.verify();
  } finally {
    await ledger.close();
  }
}

/** Recomputes the hash of one commit, as a careful forger would. */
function rehash(db: Database.Database, position: number): void {
  const commit = db
    .prepare<[number], CommitColumns>(`SELECT ${COMMIT_COLUMNS} FROM commits WHERE position = ?`)
    .raw()
    .get(position);
  const events = db
    .prepare<[number], EventRow>('SELECT * FROM events WHERE position = ? ORDER BY idx')
    .all(position);
  if (commit === undefined) throw new Error(`no commit ${position}`);
  db.prepare('UPDATE commits SET hash = ? WHERE position = ?').run(
    hashCommit(commitRow(commit), events),
    position,
  );
}

it('an untouched ledger verifies', async () => {
  expect(await verify()).toEqual({ ok: true, commits: COMMITS, firstBad: null });
});

it('one flipped digit in one payload is named at its commit', async () => {
  tamper((db) =>
    db.exec(
      `UPDATE events SET payload = replace(payload, '"n":7', '"n":8') WHERE position = 7 AND idx = 1`,
    ),
  );
  const found = await verify();
  expect(found).toMatchObject({ ok: false, commits: COMMITS, firstBad: { position: 7 } });
  expect(found.firstBad?.reason).toContain('hash');
});

const COLUMNS = {
  commits: [
    'host',
    'at',
    'actor',
    'command_id',
    'command',
    'command_words',
    'outcome',
    'correlation_id',
    'causation_id',
    'prev_hash',
    'hash',
  ],
  events: ['stream', 'type', 'payload', 'words'],
} as const;
const places = [
  ...COLUMNS.commits.map((column) => ({ table: 'commits', column })),
  ...COLUMNS.events.map((column) => ({ table: 'events', column })),
];

it('any flipped bit of any text or binary column is found at its commit', async () => {
  const flips = fc.record({
    place: fc.constantFrom(...places),
    position: fc.integer({ min: 1, max: COMMITS }),
    at: fc.nat(),
    bit: fc.integer({ min: 0, max: 7 }),
  });
  await fc.assert(
    fc.asyncProperty(flips, async ({ place: { table, column }, position, at, bit }) => {
      freshCopy();
      let isChanged = false;
      tamper((db) => {
        const where = table === 'events' ? 'position = ? AND idx = 0' : 'position = ?';
        const type = db
          .prepare(`SELECT typeof(${column}) FROM ${table} WHERE ${where}`)
          .pluck()
          .get(position);
        const bytes = db
          .prepare<[number], Buffer>(`SELECT CAST(${column} AS BLOB) FROM ${table} WHERE ${where}`)
          .pluck()
          .get(position);
        if (bytes === undefined) throw new Error('nothing to flip');
        const index = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
        const value = type === 'text' ? 'CAST(? AS TEXT)' : '?';
        db.prepare(`UPDATE ${table} SET ${column} = ${value} WHERE ${where}`).run(bytes, position);
        isChanged = true;
      });
      expect(isChanged).toBe(true);
      expect((await verify()).firstBad?.position).toBe(position);
    }),
    { numRuns: 300 },
  );
});

it.each(places)(
  'the same bytes of $table.$column under another type are found',
  async ({ table, column }) => {
    tamper((db) => {
      const isBlob = column.endsWith('words');
      const cast = isBlob ? 'TEXT' : 'BLOB';
      db.exec(`UPDATE ${table} SET ${column} = CAST(${column} AS ${cast}) WHERE position = 4`);
    });
    const found = await verify();
    expect(found.firstBad).toMatchObject({ position: 4, reason: expect.stringContaining('type') });
  },
);

it.each([
  ['a missing commit', 'DELETE FROM commits WHERE position = 5', 5, /commit 5 is missing/],
  ['a missing first commit', 'DELETE FROM commits WHERE position = 1', 1, /commit 1 is missing/],
  [
    'a commit cut off with its events left',
    `DELETE FROM commits WHERE position = ${COMMITS}`,
    COMMITS,
    /no commit/,
  ],
  ['a missing event', 'DELETE FROM events WHERE position = 5 AND idx = 2', 5, /hash/],
  [
    'a missing first event',
    'DELETE FROM events WHERE position = 5 AND idx = 0',
    5,
    /5\/1 stands where \/0/,
  ],
  [
    'an added event',
    "INSERT INTO events VALUES (5, 3, 'new/1', 1, 'T', 1, '{}', NULL)",
    5,
    /out of order/,
  ],
  [
    'an event added after the end',
    "INSERT INTO events VALUES (13, 0, 'new/1', 1, 'T', 1, '{}', NULL)",
    13,
    /no commit/,
  ],
  [
    'an event moved back',
    'UPDATE events SET position = 3, idx = 9 WHERE position = 8 AND idx = 2',
    3,
    /out of order/,
  ],
  [
    'an event moved on',
    'UPDATE events SET position = 8, idx = 9 WHERE position = 3 AND idx = 2',
    3,
    /hash/,
  ],
  [
    'an event type’s version',
    'UPDATE events SET schema = 2 WHERE position = 6 AND idx = 1',
    6,
    /hash/,
  ],
  ['a stream version', 'UPDATE events SET version = 99 WHERE position = 6 AND idx = 1', 6, /hash/],
  [
    'an index in the commit',
    'UPDATE events SET idx = 7 WHERE position = 6 AND idx = 2',
    6,
    /6\/7 stands where \/2/,
  ],
  [
    'a fractional version',
    'UPDATE events SET version = 1.5 WHERE position = 6 AND idx = 1',
    6,
    /type/,
  ],
  [
    'a position that is no number',
    "UPDATE events SET position = 'x' WHERE position = 6 AND idx = 1",
    6,
    /hash/,
  ],
  ['words removed', 'UPDATE events SET words = NULL WHERE position = 6 AND idx = 0', 6, /hash/],
  ['words emptied', "UPDATE events SET words = x'' WHERE position = 6 AND idx = 0", 6, /hash/],
  ['a digest without its commit', "INSERT INTO digests VALUES (40, 'h', '1', 'd')", 40, /digest/],
])('%s is found at its position', async (_, sql, position, reason) => {
  tamper((db) => db.exec(sql));
  expect((await verify()).firstBad).toEqual({ position, reason: expect.stringMatching(reason) });
});

it('two events that changed places are found at the earlier one’s commit', async () => {
  tamper((db) =>
    db.exec(`
      CREATE TEMP TABLE swap AS SELECT position, payload FROM events WHERE position IN (4, 9) AND idx = 1;
      UPDATE events SET payload = (SELECT payload FROM swap WHERE position = 13 - events.position)
        WHERE position IN (4, 9) AND idx = 1;`),
  );
  expect((await verify()).firstBad?.position).toBe(4);
});

it('a commit rewritten with a fitting hash breaks the chain at the next', async () => {
  tamper((db) => {
    db.exec("UPDATE commits SET actor = 'somebody else' WHERE position = 5");
    rehash(db, 5);
  });
  expect((await verify()).firstBad).toEqual({
    position: 6,
    reason: 'its prev_hash is not the hash of commit 5',
  });
});

it.each([
  [
    'malformed JSON',
    `UPDATE events SET payload = '{"n":' WHERE position = 12 AND idx = 0`,
    /payload of event 12\/0 is not JSON/,
  ],
  [
    'JSON that is no object',
    "UPDATE commits SET outcome = '[]' WHERE position = 12",
    /outcome is not a JSON object/,
  ],
  [
    'a wrong stream version',
    'UPDATE events SET version = 99 WHERE position = 12 AND idx = 2',
    /version 99 of "a\/1", expected 24/,
  ],
])('%s is found even with a fitting hash', async (_, sql, reason) => {
  tamper((db) => {
    db.exec(sql);
    rehash(db, 12);
  });
  expect((await verify()).firstBad).toEqual({
    position: 12,
    reason: expect.stringMatching(reason),
  });
});

it('an index that hides a row from readers is found', async () => {
  tamper((db) => {
    db.unsafeMode();
    db.pragma('writable_schema = ON');
    // The index keeps its entries, the table keeps its rows, but they no longer speak of the same
    // column.
    db.exec(`UPDATE sqlite_schema SET sql = replace(sql, 'ON commits (host, position)', 'ON commits (actor, position)')
             WHERE name = 'commits_by_host'`);
    db.pragma('writable_schema = RESET');
  });
  const found = await verify();
  expect(found.ok).toBe(false);
  expect(found.firstBad?.reason).toContain('commits_by_host');
});

it('a flipped byte anywhere in the file is found, or refused on opening, or changes nothing stored', async () => {
  const whole = readFileSync(original);
  /** The stored values, in one short string. */
  const logOf = (path: string): string => {
    const db = new Database(path, { readonly: true });
    try {
      const commits = db.prepare('SELECT * FROM commits NOT INDEXED ORDER BY position').raw();
      const events = db.prepare('SELECT rowid, * FROM events NOT INDEXED ORDER BY rowid').raw();
      const values = JSON.stringify([commits.all(), events.all()]);
      return createHash('sha256').update(values).digest('hex');
    } finally {
      db.close();
    }
  };
  const expected = logOf(original);
  const flips = fc.record({
    at: fc.integer({ min: 0, max: whole.length - 1 }),
    bit: fc.integer({ min: 0, max: 7 }),
  });
  await fc.assert(
    fc.asyncProperty(flips, async ({ at, bit }) => {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
      freshCopy();
      writeFileSync(file, damaged);
      let found: Verification;
      try {
        found = await verify();
      } catch (error) {
        expect(error).toBeInstanceOf(LedgerError);
        return;
      }
      if (found.ok) expect(logOf(file)).toBe(expected);
    }),
    { numRuns: 300 },
  );
}, 30_000);
