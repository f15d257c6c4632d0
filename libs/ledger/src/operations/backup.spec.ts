import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import {
  MIGRATIONS,
  appended,
  collect,
  draft,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import type { OpenMode } from '../sqlite/connection';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { backUp, checkpointsFile, restore } from './backup';

const migrations = MIGRATIONS;
let from: string;
let to: string;
let ledger: SqliteLedger;

const open = (file: string, mode: OpenMode = 'create'): Promise<SqliteLedger> =>
  SqliteLedger.open({ file, mode, migrations, writer: 'here' });

beforeEach(async () => {
  from = join(temporaryDirectory(), 'ledger.db');
  to = join(temporaryDirectory(), 'copy.db');
  ledger = await open(from);
  for (const id of ['a', 'b', 'c']) await appended(ledger, draft(id));
});
afterEach(async () => {
  await ledger.close();
  removeTemporaryDirectories();
});

function change(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

describe('a backup', () => {
  it('holds what a ledger in use had at that moment, and is one file', async () => {
    writeFileSync(checkpointsFile(from), 'signed');
    const copied = await backUp({ from, to, migrations });
    await appended(ledger, draft('later'));
    const last = await ledger.commit(3);
    expect(copied).toEqual({ file: to, commits: 3, hash: last?.hash, checkpoints: true });
    expect(readdirSync(dirname(to)).sort()).toEqual(['copy.db', 'copy.db.checkpoints']);
    const copy = await open(to, 'read');
    expect(await collect(copy.commits())).toEqual(await collect(ledger.commits({ until: 3 })));
    await copy.close();
  });

  it('becomes a ledger again that goes on where it ended', async () => {
    await backUp({ from, to, migrations });
    const back = join(temporaryDirectory(), 'back.db');
    expect(await restore({ from: to, to: back, migrations })).toMatchObject({ commits: 3 });
    const again = await open(back, 'write');
    expect((await appended(again, draft('d'))).position).toBe(4);
    expect((await again.verify()).ok).toBe(true);
    await again.close();
  });

  it('is not made of a ledger that was tampered with, nor restored when the backup was', async () => {
    await backUp({ from, to, migrations });
    change(to, `UPDATE events SET payload = '{"n":7}' WHERE position = 2`);
    const back = join(temporaryDirectory(), 'back.db');
    const tampered = { code: 'tampered', message: expect.stringMatching(/BAD at commit 2/) };
    await expect(restore({ from: to, to: back, migrations })).rejects.toMatchObject(tampered);
    const again = { from: to, to: back, migrations };
    await expect(backUp(again)).rejects.toMatchObject(tampered);
    expect(readdirSync(dirname(back))).toEqual([]);
  });

  it.each([
    ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON commits BEGIN DELETE FROM digests; END'],
    ['a view', 'ALTER TABLE digests RENAME TO d; CREATE VIEW digests AS SELECT * FROM d'],
    ['a virtual table', 'CREATE VIRTUAL TABLE v USING fts5(x)'],
    ['a computed column', 'CREATE TABLE g (x, y AS (x + 1))'],
  ])('with %s is not restored', async (_, sql) => {
    await backUp({ from, to, migrations });
    change(to, sql);
    const back = join(temporaryDirectory(), 'back.db');
    const refused = restore({ from: to, to: back, migrations });
    await expect(refused).rejects.toMatchObject({ code: 'unknown-schema' });
    expect(existsSync(back)).toBe(false);
  });

  it('overwrites nothing, and is not taken from a ledger in use', async () => {
    await backUp({ from, to, migrations });
    await expect(backUp({ from, to, migrations })).rejects.toMatchObject({ code: 'exists' });
    const there = restore({ from: to, to: from, migrations });
    await expect(there).rejects.toMatchObject({ code: 'exists' });
    const back = join(temporaryDirectory(), 'back.db');
    await expect(restore({ from, to: back, migrations })).rejects.toMatchObject({ code: 'busy' });
    const nowhere = join(temporaryDirectory(), 'no/such/folder.db');
    await expect(backUp({ from, to: nowhere, migrations })).rejects.toMatchObject({ code: 'io' });
  });
});
