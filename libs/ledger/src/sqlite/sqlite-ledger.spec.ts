import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  MIGRATIONS,
  appended,
  collect,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { describeLedgerContract } from '../ledger-contract';
import { ReadModels } from '../read-models/read-models';
import { SqliteLedger, type SqliteLedgerOptions } from './sqlite-ledger';

afterEach(removeTemporaryDirectories);

const open = (file: string, more: Partial<SqliteLedgerOptions> = {}): Promise<SqliteLedger> =>
  SqliteLedger.open({ file, migrations: MIGRATIONS, mode: 'create', ...more });

describeLedgerContract('SqliteLedger', (options) =>
  open(join(temporaryDirectory(), 'ledger.db'), options),
);

describeLedgerContract('SqliteLedger that writes on the thread of its caller', (options) =>
  open(join(temporaryDirectory(), 'ledger.db'), { ...options, writer: 'here' }),
);

describe('a ledger in an SQLite file', () => {
  let file: string;
  beforeEach(() => {
    file = join(temporaryDirectory(), 'deep/er/ledger.db');
  });

  it('is there when it is opened again, and the chain goes on', async () => {
    const first = await open(file);
    const a = await appended(first, draft('a', { events: [event('a/1', 1)] }));
    await first.close();
    const second = await open(file, { mode: 'write' });
    expect(await collect(second.commits())).toEqual([a]);
    const b = await appended(second, draft('b', { events: [event('a/1', 2)] }));
    expect([b.position, b.prevHash, b.events[0]?.version]).toEqual([2, a.hash, 2]);
    expect((await second.append(draft('a'))).kind).toBe('duplicate');
    expect(await second.verify()).toEqual({ ok: true, commits: 2, firstBad: null });
    await second.close();
  });

  it('catches the conflict of two writers, and neither repeats a position', async () => {
    const one = await open(file);
    const two = await open(file, { mode: 'write' });
    const reads = [{ stream: 'a/1', version: 0 }];
    const events = [event('a/1')];
    expect((await appended(one, draft('x', { reads, events }))).position).toBe(1);
    const conflict = { kind: 'conflict', stream: 'a/1', expected: 0, actual: 1 };
    expect(await two.append(draft('y', { reads, events }))).toEqual(conflict);
    expect((await appended(two, draft('z'))).position).toBe(2);
    expect((await appended(one, draft('w'))).position).toBe(3);
    expect((await one.append(draft('z'))).kind).toBe('duplicate');
    expect((await one.verify()).ok).toBe(true);
    await two.close();
    await one.close();
  });

  it('tells subscribers of the commits of another writer', async () => {
    const one = await open(file, { pollMs: 5 });
    const two = await open(file, { mode: 'write' });
    const seen: string[] = [];
    const subscription = one.subscribe(0, (commit) => void seen.push(commit.commandId));
    await appended(two, draft('theirs'));
    await subscription.reached(1);
    expect(seen).toEqual(['theirs']);
    await two.close();
    await one.close();
  });

  it('is readable while it is written, and refuses appends when opened for reading', async () => {
    const writer = await open(file);
    const reader = await open(file, { mode: 'read' });
    await appended(writer, draft('a'));
    expect(await reader.latest()).toBe(1);
    await expect(reader.append(draft('b'))).rejects.toMatchObject({ code: 'read-only' });
    await reader.close();
    await writer.close();
  });

  it('is busy while another process holds the write lock, and whole afterwards', async () => {
    const ledger = await open(file, { busyTimeoutMs: 1 });
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(ledger.append(draft('a'))).rejects.toMatchObject({ code: 'busy' });
    other.exec('ROLLBACK');
    other.close();
    expect((await appended(ledger, draft('a'))).position).toBe(1);
    await ledger.close();
  });

  it('leaves one file behind, which sqlite3 alone can read', async () => {
    const ledger = await open(file);
    await appended(ledger, draft('a', { events: [event('a/1', 42)] }));
    await ledger.close();
    const db = new Database(file, { readonly: true });
    const row = db.prepare("SELECT payload ->> 'n' AS n FROM events WHERE stream = 'a/1'").get();
    expect(row).toEqual({ n: 42 });
    const columns = db.pragma('table_info(commits)') as { name: string; type: string }[];
    expect(columns.map((column) => column.name)).toEqual(
      expect.arrayContaining([
        'position',
        'host',
        'at',
        'actor',
        'command_id',
        'command',
        'outcome',
      ]),
    );
    expect(db.prepare('SELECT rowid FROM events').pluck().all()).toEqual([1]);
    db.close();
  });

  it('refuses a second row for a stream version, whoever writes it', async () => {
    const ledger = await open(file);
    await appended(ledger, draft('a'));
    const db = new Database(file);
    const copy = db.prepare(
      'INSERT INTO events SELECT position, idx + 1, stream, version, type, schema, payload, words FROM events',
    );
    expect(() => copy.run()).toThrow(/UNIQUE.*stream/);
    db.close();
    await ledger.close();
  });

  it.each(['thread', 'here'] as const)(
    'tells of each transaction how many commits share it (writer: %s)',
    async (writer) => {
      const shared: number[] = [];
      const onTransaction = (commits: number): void => void shared.push(commits);
      const ledger = await open(file, { writer, onTransaction });
      await Promise.all(['a', 'b', 'c', 'c'].map((id) => ledger.append(draft(id))));
      expect(shared).toEqual([3]);
      await ledger.close();
    },
  );

  it('leaves no write-ahead log to a ledger that was opened for writing and not appended to', async () => {
    await (await open(file)).close();
    const ledger = await open(file, { mode: 'write' });
    const readModels = ReadModels.open({ file, mode: 'write', migrations: MIGRATIONS });
    readModels.clear();
    readModels.close();
    await ledger.close();
    const lines: string[] = [];
    await (await open(file, { mode: 'write', log: (line) => lines.push(line) })).close();
    expect(lines).toEqual([]);
  });

  it('says on opening what a writer that did not close has left, and keeps it', async () => {
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const first = await open(file, { log });
    await appended(first, draft('a'));
    expect(lines).toEqual([]);
    const second = await open(file, { mode: 'write', log });
    expect(lines).toEqual([expect.stringMatching(/\d+ bytes of write-ahead log are left/)]);
    expect(await second.latest()).toBe(1);
    await second.close();
    await first.close();
  });
});
