import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { projectRoot } from '../conformance/project-root';
import { documentOf, steward } from './built-cli';

const SCENARIO = join(projectRoot(), 'scenarios/linux-guests.yaml');

describe('a ledger that is moved about', () => {
  let folder: string;
  let ledger: string;
  let digest: unknown;
  const at = (name: string): string => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'steward-operations-'));
    ledger = at('ledger.db');
    const run = steward('run', SCENARIO, '--guests', '1', '--ledger', ledger, '--json');
    expect(run.code).toBe(0);
    ({ digest } = documentOf(run));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('export ndjson, import ndjson: the same hashes, the same digests, the same text', () => {
    const out = at('log.ndjson.gz');
    expect(steward('export', 'ndjson', '--ledger', ledger, '--out', out).code).toBe(0);
    const copy = at('imported.db');
    const imported = steward('import', 'ndjson', out, '--ledger', copy, '--json');
    expect(imported.code).toBe(0);
    const verified = documentOf(steward('verify', '--ledger', copy, '--json'));
    expect(documentOf(imported)).toMatchObject({ commits: verified['commits'] });
    const replayed = documentOf(steward('replay', '--ledger', copy, '--json'));
    expect(replayed).toMatchObject({ digest, recordedDigest: digest, diverged: null });
    expect(steward('export', 'ndjson', '--ledger', copy, '--out', at('again.ndjson.gz')).code).toBe(
      0,
    );
    expect(readFileSync(at('again.ndjson.gz')).equals(readFileSync(out))).toBe(true);
    expect(steward('import', 'ndjson', out, '--ledger', copy).code).toBe(4);
  }, 60_000);

  test('import ndjson of a text that was changed makes no ledger, and names the line', () => {
    const out = at('whole.ndjson.gz');
    steward('export', 'ndjson', '--ledger', ledger, '--out', out);
    const text = gunzipSync(readFileSync(out)).toString('utf8');
    writeFileSync(at('changed.ndjson'), text.replace('"actor":"', '"actor":"x'));
    const refused = steward('import', 'ndjson', at('changed.ndjson'), '--ledger', at('none.db'));
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/line 2: commit 1/)]);
    expect(existsSync(at('none.db'))).toBe(false);
    expect(existsSync(at('none.db.part'))).toBe(false);
  }, 60_000);

  test('backup, restore: verified each time, and refused once a digit was changed', () => {
    const [backup, restored] = [at('backup.db'), at('restored.db')];
    const copied = documentOf(steward('backup', backup, '--ledger', ledger, '--json'));
    const { hash } = documentOf(steward('restore', backup, '--ledger', restored, '--json'));
    expect(hash).toBe(copied['hash']);
    expect(documentOf(steward('replay', '--ledger', restored, '--json'))).toMatchObject({ digest });
    expect(steward('restore', backup, '--ledger', restored).code).toBe(4);
    const db = new Database(backup);
    db.exec("UPDATE commits SET actor = 'nobody' WHERE position = 3");
    db.close();
    const refused = steward('restore', backup, '--ledger', at('never.db'));
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringMatching(/BAD at commit 3/)]);
    expect(existsSync(at('never.db'))).toBe(false);
    expect(steward('restore', at('missing.db'), '--ledger', at('never.db')).code).toBe(3);
  }, 60_000);

  test('what a crash left is told on stderr when the ledger is opened for writing', () => {
    const db = new Database(ledger);
    db.exec('UPDATE commits SET host = host WHERE position = 1');
    for (const suffix of ['', '-wal'])
      copyFileSync(`${ledger}${suffix}`, `${at('crashed.db')}${suffix}`);
    db.close();
    const shown = steward('show', '1', '--ledger', at('crashed.db'));
    expect([shown.code, shown.stderr]).toEqual([
      0,
      expect.stringMatching(/bytes of write-ahead log are left from before/),
    ]);
  }, 60_000);
});
