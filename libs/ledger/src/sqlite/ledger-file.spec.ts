import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import {
  MIGRATIONS,
  appended,
  collect,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { LedgerError } from '../ledger-error';
import { assertDurable, openConnection, type OpenMode } from './connection';
import { openLedgerFile } from './ledger-file';
import { SqliteLedger } from './sqlite-ledger';

const MODES: readonly OpenMode[] = ['create', 'write', 'read'];

let directory: string;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, 'ledger.db');
});
afterEach(removeTemporaryDirectories);

const open = (mode: OpenMode, migrations = MIGRATIONS): Promise<SqliteLedger> =>
  SqliteLedger.open({ file, mode, migrations, writer: 'here' });

/** A closed ledger of some commits. */
async function makeLedger(commits = 3): Promise<void> {
  const ledger = await open('create');
  for (let i = 1; i <= commits; i++) await appended(ledger, draft(`c${i}`));
  await ledger.close();
}

async function refusal(mode: OpenMode, migrations = MIGRATIONS): Promise<LedgerError> {
  const error: unknown = await open(mode, migrations).then(
    async (ledger) => {
      await ledger.close();
      return undefined;
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof LedgerError))
    throw new Error(`expected a LedgerError, got ${String(error)}`);
  return error;
}

describe('a creation that was cut short', () => {
  it('is begun anew, also when the first page of the file was torn', async () => {
    const spilling = new Database(join(directory, 'spilling.db'));
    spilling.pragma('journal_mode = DELETE');
    spilling.pragma('cache_size = 1');
    // A transaction larger than the cache: pages reach the file before it commits.
    spilling.exec('BEGIN; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000))');
    const torn = readFileSync(join(directory, 'spilling.db'));
    expect(torn.length).toBeGreaterThan(4096);
    writeFileSync(file, torn.fill(0, 0, 512));
    copyFileSync(join(directory, 'spilling.db-journal'), `${file}-journal`);
    spilling.close();
    const ledger = await open('create');
    expect(await ledger.latest()).toBe(0);
    await appended(ledger, draft('c1'));
    await ledger.close();
  });
});

describe('durability', () => {
  const synchronous = (db: Database.Database): unknown =>
    db.pragma('synchronous', { simple: true });

  it('is FULL on every connection after its first write', () => {
    const { db } = openLedgerFile({ file, mode: 'create', migrations: MIGRATIONS });
    db.exec("INSERT INTO digests VALUES (1, 'h', 'v', 'd')");
    expect(synchronous(db)).toBe(2);
    expect(() => assertDurable(db, file)).not.toThrow();
    db.close();
    const again = openConnection({ file, mode: 'write' });
    again.exec("INSERT INTO digests VALUES (2, 'h', 'v', 'd')");
    expect(synchronous(again)).toBe(2);
    again.close();
    const reader = openConnection({ file, mode: 'read' });
    expect(synchronous(reader)).toBe(2);
    reader.close();
  });

  it('is found missing on a connection that left it at this build’s default', () => {
    const db = new Database(file);
    db.pragma('journal_mode = WAL');
    expect(synchronous(db)).toBe(2);
    db.exec('CREATE TABLE t (x)');
    expect(() => assertDurable(db, file)).toThrow(/synchronous=1.*expected 2 \(FULL\)/);
    db.close();
  });

  it('is found missing without a WAL', () => {
    const db = new Database(file);
    db.exec('CREATE TABLE t (x)');
    expect(() => assertDurable(db, file)).toThrow(/journal_mode=delete/);
    db.close();
  });

  it('gives every connection foreign keys and the busy timeout asked for', () => {
    const { db } = openLedgerFile({
      file,
      mode: 'create',
      migrations: MIGRATIONS,
      busyTimeoutMs: 123,
    });
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(db.pragma('busy_timeout', { simple: true })).toBe(123);
    db.close();
  });
});

describe('opening what is not a ledger', () => {
  it.each(['write', 'read'] as const)('a missing file is not created (%s)', async (mode) => {
    expect(await refusal(mode)).toMatchObject({
      code: 'missing',
      message: expect.stringContaining(file),
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(MODES)('a text file is refused and left alone (%s)', async (mode) => {
    writeFileSync(file, 'not a database, but long enough to look like one '.repeat(200));
    const before = readFileSync(file);
    expect((await refusal(mode)).code).toBe('not-a-ledger');
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(directory)).toEqual(['ledger.db']);
  });

  it.each(MODES)('another program’s database is refused and left alone (%s)', async (mode) => {
    const other = new Database(file);
    other.exec('CREATE TABLE commits (position INTEGER PRIMARY KEY)');
    other.close();
    const before = readFileSync(file);
    expect((await refusal(mode)).code).toBe('not-a-ledger');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it.each(MODES)('a directory is refused (%s)', async (mode) => {
    mkdirSync(file);
    expect((await refusal(mode)).code).toBe('not-a-ledger');
  });

  it('an empty file is a ledger to be made for a writer, and nothing to read', async () => {
    writeFileSync(file, '');
    expect((await refusal('read')).code).toBe('not-a-ledger');
    await makeLedger(1);
  });

  it('a directory that can’t be made is an error of the system', async () => {
    writeFileSync(join(directory, 'taken'), '');
    file = join(directory, 'taken', 'ledger.db');
    expect((await refusal('create')).code).toBe('io');
  });
});

describe('migrations', () => {
  const copyMigrations = (): string => {
    const copy = join(temporaryDirectory(), 'migrations');
    mkdirSync(copy);
    for (const name of readdirSync(MIGRATIONS)) {
      copyFileSync(join(MIGRATIONS, name), join(copy, name));
    }
    return copy;
  };
  const nextNumber = (): string =>
    String(readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql')).length + 1).padStart(
      4,
      '0',
    );
  const withOneMore = (sql: string): string => {
    const copy = copyMigrations();
    writeFileSync(join(copy, `${nextNumber()}-more.sql`), sql);
    return copy;
  };

  it('are recorded, and applied once', async () => {
    await makeLedger();
    await (await open('write')).close();
    const db = new Database(file, { readonly: true });
    const names = db.prepare('SELECT name FROM migrations ORDER BY id').pluck().all();
    expect(names).toEqual(
      readdirSync(MIGRATIONS)
        .filter((name) => name.endsWith('.sql'))
        .sort(),
    );
    expect(db.pragma('user_version', { simple: true })).toBe(names.length);
    db.close();
  });

  it('bring an older ledger up to date when it is opened for writing; reading leaves it as it is', async () => {
    await makeLedger();
    const migrations = withOneMore('CREATE TABLE more (x);');
    const before = readFileSync(file);
    const reader = await open('read', migrations);
    expect(await collect(reader.commits())).toHaveLength(3);
    expect((await reader.verify()).ok).toBe(true);
    await reader.close();
    expect(readFileSync(file)).toEqual(before);
    await (await open('write', migrations)).close();
    expect(readFileSync(file)).not.toEqual(before);
  });

  it('keep every commit, event and version of a ledger from before its events were laid out by version', async () => {
    const before = copyMigrations();
    for (const name of readdirSync(before)) if (name > '0004') rmSync(join(before, name));
    const old = await open('create', before);
    const events = [
      event('a/1', 1, { words: Uint8Array.of(0, 255) }),
      event('b/1', 2),
      event('a/1'),
    ];
    for (const id of ['x', 'y', 'z']) await appended(old, draft(id, { events }));
    const commits = await collect(old.commits());
    const stream = await collect(old.stream('a/1'));
    await old.close();
    const migrated = await open('write');
    expect(await collect(migrated.commits())).toEqual(commits);
    expect(await collect(migrated.stream('a/1'))).toEqual(stream);
    const more = await appended(migrated, draft('w', { events }));
    expect(more.events.map(({ version }) => version)).toEqual([7, 4, 8]);
    expect(await migrated.verify()).toEqual({ ok: true, commits: 4, firstBad: null });
    await migrated.close();
  });

  it.each(MODES)('of a newer release are refused (%s)', async (mode) => {
    const migrations = withOneMore('CREATE TABLE more (x);');
    await (await open('create', migrations)).close();
    const error = await refusal(mode);
    expect(error.code).toBe('newer-version');
    expect(error.message).toContain(file);
  });

  it.each(MODES)('that were changed after their release are refused (%s)', async (mode) => {
    await makeLedger();
    const migrations = copyMigrations();
    const name = join(migrations, '0001-ledger.sql');
    writeFileSync(name, `${readFileSync(name, 'utf8')}\n-- changed`);
    expect((await refusal(mode, migrations)).code).toBe('unknown-schema');
  });

  it('do not depend on how a checkout ends its lines', async () => {
    await makeLedger();
    const migrations = copyMigrations();
    const name = join(migrations, '0001-ledger.sql');
    writeFileSync(name, readFileSync(name, 'utf8').replaceAll('\n', '\r\n'));
    await (await open('read', migrations)).close();
  });

  it.each([
    ['that is missing', () => join(directory, 'none')],
    ['that is empty', () => temporaryDirectory()],
    ['with SQL that fails', () => withOneMore('CREATE TABLE commits (x);')],
    [
      'with a gap',
      () => {
        const copy = copyMigrations();
        writeFileSync(join(copy, '0099-late.sql'), '');
        return copy;
      },
    ],
    [
      'with a file that is not numbered',
      () => {
        const copy = copyMigrations();
        writeFileSync(join(copy, 'more.sql'), '');
        return copy;
      },
    ],
  ])('from a directory %s leave no file behind', async (_, migrations) => {
    expect((await refusal('create', migrations())).code).toBe('bad-migrations');
    expect(existsSync(file)).toBe(false);
  });

  it('that fail halfway on an existing ledger change nothing', async () => {
    await makeLedger();
    const db = new Database(file);
    db.exec('CREATE TABLE surprise (x)');
    db.close();
    const migrations = withOneMore('CREATE TABLE fine (x); CREATE TABLE surprise (x);');
    expect((await refusal('write', migrations)).message).toContain('surprise');
    const ledger = await open('read');
    expect(await ledger.latest()).toBe(3);
    await ledger.close();
    const after = new Database(file, { readonly: true });
    expect(after.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'fine'").get()).toBeUndefined();
    after.close();
  });
});

describe('damaged files', () => {
  it('truncated at any length, a ledger is refused or its damage found; it never reads as whole', async () => {
    const ledger = await open('create');
    const words = new Uint8Array(3000).fill(7);
    for (let i = 0; i < 20; i++) {
      await appended(ledger, draft(`c${i}`, { events: [event('a/1', i, { words })] }));
    }
    await ledger.close();
    const whole = readFileSync(file);
    const lengths = fc.integer({ min: 1, max: whole.length - 1 });
    await fc.assert(
      fc.asyncProperty(lengths, async (length) => {
        writeFileSync(file, whole);
        truncateSync(file, length);
        const error = await refusal('read');
        expect(['corrupt', 'not-a-ledger']).toContain(error.code);
      }),
      { numRuns: 60 },
    );
  });

  it('cut to nothing beside a WAL that holds commits, it is not started afresh', async () => {
    const ledger = await open('create');
    await appended(ledger, draft('a'));
    copyFileSync(`${file}-wal`, join(directory, 'copy.db-wal'));
    await ledger.close();
    file = join(directory, 'copy.db');
    writeFileSync(file, '');
    for (const mode of MODES) expect((await refusal(mode)).code).toBe('corrupt');
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
  });

  it('with a malformed payload, the reader names the event', async () => {
    await makeLedger();
    const db = new Database(file);
    db.exec('UPDATE events SET payload = \'{"n":\' WHERE position = 2');
    db.close();
    const ledger = await open('read');
    await expect(collect(ledger.commits())).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('event 2/0'),
    });
    await ledger.close();
  });

  it('with a table gone, it is corrupt, not a crash', async () => {
    await makeLedger();
    const db = new Database(file);
    db.exec('DROP TABLE events');
    db.close();
    expect((await refusal('read')).code).toBe('corrupt');
  });
});
