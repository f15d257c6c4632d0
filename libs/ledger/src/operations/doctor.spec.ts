import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import Database from 'better-sqlite3';
import {
  MIGRATIONS,
  appended,
  draft,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { examine, type DoctorFinding } from './doctor';

let file: string;
let ledger: SqliteLedger;
beforeEach(async () => {
  file = join(temporaryDirectory(), 'ledger.db');
  ledger = await SqliteLedger.open({
    file,
    migrations: MIGRATIONS,
    mode: 'create',
    writer: 'here',
  });
  await appended(ledger, draft('a'));
});
afterEach(async () => {
  await ledger.close();
  removeTemporaryDirectories();
});

const findings = async (): Promise<Record<string, DoctorFinding>> =>
  Object.fromEntries(
    (await examine({ file, migrations: MIGRATIONS })).map((one) => [one.check, one]),
  );

const change = (sql: string): void => {
  const db = new Database(file);
  db.exec(sql);
  db.close();
};

it('finds a ledger in use sound, says what it looked at, and leaves nothing behind', async () => {
  const before = readdirSync(join(file, '..'));
  const found = await findings();
  expect(Object.values(found).filter(({ ok }) => !ok)).toEqual([]);
  expect(found['durability']?.detail).toMatch(/synchronous=FULL .* a commit takes \d+\.\d ms/);
  expect(found['write-ahead log']?.detail).toMatch(/^\d+ bytes: a writer is at work/);
  expect(found['log']?.detail).toBe('1 commits, every hash recomputed');
  expect(readdirSync(join(file, '..'))).toEqual(before);
});

it('names tampering, and looks at the rest all the same', async () => {
  change("UPDATE commits SET actor = 'nobody'");
  const found = await findings();
  expect(found['log']).toMatchObject({
    ok: false,
    code: 'tampered',
    detail: expect.stringMatching(/BAD at commit 1/),
  });
  expect(found['snapshots']?.ok).toBe(true);
});

it('names what has no place in a ledger, and a file that is none', async () => {
  change('CREATE VIEW v AS SELECT 1');
  expect((await findings())['schema']).toMatchObject({ ok: false, code: 'unknown-schema' });
  file = join(temporaryDirectory(), 'none.db');
  change('CREATE TABLE t (x)');
  expect((await findings())['file']).toMatchObject({ ok: false, code: 'not-a-ledger' });
});
