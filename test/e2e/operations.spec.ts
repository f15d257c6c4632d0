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

const KEPT = join(projectRoot(), 'test/fixtures/ledgers');
const SCENARIO = join(projectRoot(), 'scenarios/linux-guests.yaml');

/** The same scenario on hardware of its own. */
const onAnotherHost = (scenario: string): string =>
  scenario
    .replace('host0', 'host1')
    .replaceAll(/smmu(\d)/g, 'host1.smmu$1')
    .replaceAll('recordings/', join(projectRoot(), 'scenarios/recordings/'));

describe('a ledger that is moved about', () => {
  let folder: string;
  let ledger: string;
  let digest: unknown;
  const at = (name: string): string => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'steward-operations-'));
    ledger = at('ledger.db');
    const [kept] = JSON.parse(readFileSync(join(KEPT, 'ledgers.json'), 'utf8')) as {
      readonly file: string;
      readonly digest: string;
    }[];
    digest = kept?.digest;
    writeFileSync(ledger, gunzipSync(readFileSync(join(KEPT, kept?.file ?? ''))));
    // Brings it up to date and computes its read models.
    expect(steward('audit', 'attachments', '--ledger', ledger).code).toBe(0);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('export ndjson, import ndjson: the same hashes and digests', () => {
    const out = at('log.ndjson.gz');
    expect(steward('export', 'ndjson', '--ledger', ledger, '--out', out).code).toBe(0);
    const copy = at('imported.db');
    const imported = steward('import', 'ndjson', out, '--ledger', copy, '--json');
    expect(imported.code).toBe(0);
    const replayed = documentOf(steward('replay', '--ledger', copy, '--json'));
    expect(replayed).toMatchObject({ digest, recordedDigest: digest, diverged: null });
    expect(replayed['position']).toBe(documentOf(imported)['commits']);
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
    expect(steward('verify', '--ledger', restored).code).toBe(0);
    expect(steward('restore', backup, '--ledger', restored).code).toBe(4);
    const db = new Database(backup);
    db.exec("UPDATE commits SET actor = 'nobody' WHERE position = 3");
    db.close();
    const refused = steward('restore', backup, '--ledger', at('never.db'));
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringMatching(/BAD at commit 3/)]);
    expect(existsSync(at('never.db'))).toBe(false);
    expect(steward('restore', at('missing.db'), '--ledger', at('never.db')).code).toBe(3);
  }, 60_000);

  test('bundle: read-only wherever a ledger is asked for, and a ledger again by restore', () => {
    const bundle = at('lab.bundle');
    const packed = documentOf(
      steward('bundle', bundle, '--snapshots', '--ledger', ledger, '--json'),
    );
    const verified = documentOf(steward('verify', '--ledger', bundle, '--json'));
    expect(verified).toMatchObject({ ok: true, commits: packed['commits'] });
    const spans = ['audit', 'attachments', '--json', '--ledger'];
    expect(steward(...spans, bundle).stdout).toBe(steward(...spans, ledger).stdout);
    expect(steward('run', SCENARIO, '--append', '--ledger', bundle).code).toBe(4);
    const restored = at('unpacked.db');
    expect(steward('restore', bundle, '--ledger', restored).code).toBe(0);
    expect(steward('verify', '--ledger', restored).code).toBe(0);
    writeFileSync(at('cut.bundle'), readFileSync(bundle).subarray(0, 5000));
    const refused = steward('verify', '--ledger', at('cut.bundle'));
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/cut\.bundle: /)]);
  }, 120_000);

  test('close, archive, unarchive: the rest verifies and replays, and all of it comes back', () => {
    const [moved, out, key] = [at('moved.db'), at('host0.archive'), at('lab.key')];
    copyFileSync(ledger, moved);
    const on = ['--ledger', moved, '--json'];
    const verifier = String(documentOf(steward('key', key, '--name', 'lab', '--json'))['verifier']);
    expect(steward('checkpoint', '--key', key, ...on).code).toBe(0);
    const open = steward('archive', '--host', 'host0', '--out', out, ...on);
    expect([open.code, open.stderr]).toEqual([4, expect.stringMatching(/host0 is open/)]);
    expect(steward('close', '--host', 'host0', ...on).code).toBe(4);
    expect(steward('close', '--host', 'host0', '--release', ...on).code).toBe(0);
    const whole = documentOf(steward('replay', ...on));
    expect(whole['diverged']).toBeNull();
    writeFileSync(at('second.yaml'), onAnotherHost(readFileSync(SCENARIO, 'utf8')));
    const again = steward('run', at('second.yaml'), '--guests', '1', '--append', '--quiet', ...on);
    expect([again.code, again.stderr]).toEqual([0, expect.anything()]);
    const both = documentOf(steward('replay', ...on));

    const made = documentOf(
      steward('archive', '--host', 'host0', '--out', out, '--key', key, ...on),
    );
    const verified = documentOf(
      steward('verify', '--signed-by', verifier, '--archive', out, ...on),
    );
    const { host, commits, sha256 } = made;
    expect(verified).toMatchObject({ ok: true, archived: [{ host, commits, sha256 }] });
    expect(steward('check-archive', out, '--signed-by', verifier).code).toBe(0);
    expect(documentOf(steward('replay', ...on))['diverged']).toBeNull();
    expect(steward('audit', 'attachments', ...on).stdout).not.toContain('"fromPosition":2,');
    expect(steward('projections', '--rebuild', ...on).code).toBe(0);
    const shown = steward('show', '7', '--ledger', moved);
    expect([shown.code, shown.stderr]).toEqual([
      4,
      expect.stringMatching(/commit 7 is in the archive/),
    ]);
    expect(
      steward('fork', '--at', '7', '--out', at('no.db'), '--policy', 'ats=off', '--ledger', moved)
        .code,
    ).toBe(4);
    expect(steward('export', 'ndjson', '--out', at('no.gz'), '--ledger', moved).code).toBe(4);

    expect(steward('unarchive', out, ...on).code).toBe(0);
    expect(documentOf(steward('replay', ...on))).toMatchObject({
      digest: both['digest'],
      diverged: null,
    });
    expect(documentOf(steward('verify', ...on))).not.toHaveProperty('archived');
    expect(steward('audit', 'attachments', ...on).code).toBe(0);
  }, 240_000);

  test('doctor: everything in order, exit 5 once the log is not, exit 3 for no ledger', () => {
    const healthy = steward('doctor', '--ledger', ledger, '--json');
    expect(healthy.code).toBe(0);
    expect(documentOf(healthy)).toMatchObject({ ok: true });
    copyFileSync(ledger, at('ill.db'));
    const db = new Database(at('ill.db'));
    db.exec("UPDATE commits SET actor = 'nobody' WHERE position = 3");
    db.close();
    const ill = steward('doctor', '--ledger', at('ill.db'));
    expect([ill.code, ill.stdout]).toEqual([5, expect.stringMatching(/BAD +log +BAD at commit 3/)]);
    expect(steward('doctor', '--ledger', at('nowhere.db')).code).toBe(3);
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
