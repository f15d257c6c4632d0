import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { validateTraceEvents } from '@steward/interop';
import type { TraceEvent } from '@steward/interop';
import { projectRoot } from '../conformance/project-root';

const ROOT = projectRoot();
const SCENARIO = join(ROOT, 'scenarios/linux-guests.yaml');
const TRACES = join(ROOT, 'test/fixtures/traces');

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line, as a person would. */
function steward(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'bin/steward'), args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return { code: status, stdout, stderr };
}

const json = ({ stdout }: Result): Record<string, unknown> =>
  JSON.parse(stdout) as Record<string, unknown>;
const lines = ({ stdout }: Result): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('steward', () => {
  let folder: string;
  let ledger: string;
  let report: Record<string, unknown>;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'steward-cli-'));
    ledger = join(folder, 'ledger.db');
    const run = steward('run', SCENARIO, '--guests', '3', '--ledger', ledger, '--json');
    expect(run.code).toBe(0);
    report = json(run);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A copy of the ledger that a test may damage. */
  function copy(name: string): string {
    const file = join(folder, name);
    const db = new Database(ledger, { readonly: true });
    db.exec(`VACUUM INTO '${file}'`);
    db.close();
    return file;
  }

  test('run reports what the contract names, and every DMA matched', () => {
    expect(report).toMatchObject({ scenario: 'linux-guests', seed: 1, guests: 3 });
    expect(report).toMatchObject({
      dma: { mismatched: 0, faulted: 0, matched: 8108, accesses: 8108 },
    });
    expect(report['digest']).toMatch(/^[0-9a-f]{32}$/);
    for (const key of ['commits', 'events', 'position', 'attaches', 'ledgerBytes', 'rssBytes']) {
      expect(report[key]).toBeGreaterThan(0);
    }
    const { guest, host, hardware } = report['invalidations'] as Record<string, number>;
    expect(guest).toBeGreaterThan(0);
    expect(hardware).toBeGreaterThan(host!);
  });

  test('the same scenario and seed give the same digest', () => {
    const again = steward(
      ...['run', SCENARIO, '--guests', '3', '--ledger', join(folder, 'again.db'), '--json'],
    );
    expect(json(again)['digest']).toBe(report['digest']);
    const other = steward(
      ...['run', SCENARIO, '--guests', '3', '--seed', '2'],
      ...['--ledger', join(folder, 'other.db'), '--json'],
    );
    expect(json(other)).toMatchObject({ dma: { mismatched: 0 } });
    expect(json(other)['digest']).not.toBe(report['digest']);
  }, 120_000);

  test('run refuses a ledger that holds commits, and says how to go on', () => {
    const { code, stderr } = steward('run', SCENARIO, '--ledger', ledger);
    expect(code).toBe(4);
    expect(stderr).toContain('--append');
  });

  test('--append asks anew: what exists already is refused, and the ledger stays sound', () => {
    const file = copy('append.db');
    const result = steward('run', SCENARIO, '--guests', '1', '--append', '--ledger', file);
    expect(result.code).toBe(4);
    expect(result.stderr).toMatch(/RegisterHost refused at \d+: EEXIST/);
    expect(steward('verify', '--ledger', file).code).toBe(0);
    expect(steward('replay', '--ledger', file).code).toBe(0);
  });

  test('replay reproduces the recorded digest, also with effects and read models deleted', () => {
    const file = copy('bare.db');
    const db = new Database(file);
    db.exec('DELETE FROM effects; DELETE FROM attachments; DELETE FROM checkpoints');
    db.close();
    const { code, ...result } = { code: 0, ...json(steward('replay', '--ledger', file, '--json')) };
    expect(code).toBe(0);
    expect(result).toMatchObject({
      digest: report['digest'],
      recordedDigest: report['digest'],
      diverged: null,
      position: report['position'],
    });
  });

  test('replay exits 6 and names the commit whose recorded digest differs', () => {
    const file = copy('digest.db');
    const db = new Database(file);
    db.exec(`UPDATE digests SET digest = '${'0'.repeat(32)}' WHERE position = 77`);
    db.close();
    const result = steward('replay', '--ledger', file, '--json');
    expect(result.code).toBe(6);
    expect(json(result)).toMatchObject({ diverged: { position: 77, expected: '0'.repeat(32) } });
  });

  test('verify exits 5 and names the commit in which one digit of one payload was changed', () => {
    expect(json(steward('verify', '--ledger', ledger, '--json'))).toEqual({
      ok: true,
      commits: report['commits'],
      firstBad: null,
    });
    const file = copy('tampered.db');
    const db = new Database(file);
    const change = db.prepare(
      `UPDATE events SET payload = replace(payload, '"vmid":1', '"vmid":2')
       WHERE type = 'DeviceAttached'
         AND position = (SELECT min(position) FROM events WHERE type = 'DeviceAttached')`,
    );
    expect(change.run().changes).toBe(1);
    const { position } = db
      .prepare(`SELECT min(position) AS position FROM events WHERE type = 'DeviceAttached'`)
      .get() as { position: number };
    db.close();
    const result = steward('verify', '--ledger', file, '--json');
    expect(result.code).toBe(5);
    expect(json(result)).toMatchObject({ ok: false, firstBad: { position } });
  });

  test('signed checkpoints prove what the chain alone cannot: a log written anew, or cut short', () => {
    const file = join(folder, 'signed.db');
    const key = join(folder, 'lab.key');
    const made = steward('key', key, '--name', 'steward.example/lab');
    expect(steward('key', key, '--name', 'steward.example/lab').code).toBe(4);
    const signing = ['--checkpoint-key', key, '--checkpoint-every', '200'];
    const run = steward('run', SCENARIO, '--guests', '1', '--ledger', file, '--json', ...signing);
    const verify = (...args: string[]): Result =>
      steward('verify', '--ledger', file, '--signed-by', made.stdout.trim(), '--json', ...args);
    const { commits } = json(run) as { commits: number };
    expect(json(verify())).toMatchObject({ ok: true, checkpoints: Math.floor(commits / 200) + 1 });
    const proof = json(steward('prove', '7', '--ledger', file, '--json'));
    expect(proof).toMatchObject({ position: 7, index: 6, size: commits });

    const other = steward('key', join(folder, 'other.key'), '--name', 'steward.example/lab');
    const unsigned = steward('verify', '--ledger', file, '--signed-by', other.stdout.trim());
    expect(unsigned.code).toBe(1);

    const db = new Database(file);
    db.exec(`DELETE FROM events WHERE position = ${commits}; DELETE FROM digests WHERE position = ${commits};
             DELETE FROM commits WHERE position = ${commits}`);
    db.close();
    expect(steward('verify', '--ledger', file).code).toBe(0);
    const cut = verify();
    expect(cut.code).toBe(5);
    expect(json(cut)).toMatchObject({ ok: false, firstBad: { position: commits } });

    rmSync(file);
    steward('run', SCENARIO, '--guests', '1', '--seed', '7', '--ledger', file, '--quiet');
    const anew = verify();
    expect(anew.code).toBe(5);
    expect(json(anew)).toMatchObject({ firstBad: { position: 1 } });
  });

  test('audit attachments shows each span of a device with vSTE, STE, VMID, actor and commits', () => {
    const spans = lines(
      steward('audit', 'attachments', '--device', 'strict-a.0010', '--ledger', ledger, '--json'),
    );
    expect(spans.length).toBeGreaterThan(3);
    spans.slice(1).forEach((span, i) => {
      expect(span['fromPosition']).toBe(spans[i]!['toPosition']);
    });
    expect(spans.at(-1)).toMatchObject({ toPosition: null, toAt: null, vm: 'strict-a', vmid: 1 });
    const nested = spans.find((span) => span['vste0'] === '0x000000004452d00b')!;
    expect(nested).toMatchObject({ kind: 'nested-domain', actor: 'vmm:strict-a' });
    expect((nested['ste'] as string[])[0]).toBe('0x000000004452d00f');
    expect(nested['beganBy']).toMatch(/#/);
  });

  test('show decodes the words of a commit beside their hex', () => {
    const attached = lines(steward('log', 'device/strict-a.0010', '--ledger', ledger, '--json'))
      .reverse()
      .find((event) => event['type'] === 'DeviceAttached')!;
    const { stdout } = steward('show', String(attached['position']), '--ledger', ledger);
    expect(stdout).toMatch(/0x0000000[0-9a-f]+f .*STE V=0x1 Config=NESTED/);
    expect(stdout).toContain('CMD_CFGI_STE');
    expect(steward('show', '99999999', '--ledger', ledger).code).toBe(3);
    expect(steward('show', 'yesterday', '--ledger', ledger).code).toBe(2);
    const { hash, at } = json(steward('show', '@{-1}', '--ledger', ledger, '--json'));
    const named = json(steward('show', `commit:${String(hash)}`, '--ledger', ledger, '--json'));
    expect(named['position']).toBe(Number(report['position']) - 1);
    expect(steward('show', `time:${String(at)}`, '--ledger', ledger).code).toBe(0);
    expect(steward('show', 'time:1999-01-01T00:00:00Z', '--ledger', ledger).code).toBe(3);
  });

  test('get gives the state of an aggregate at a position, and the STE in force', () => {
    const get = (...args: string[]): Result => steward('get', ...args, '--ledger', ledger);
    const spans = lines(
      steward('audit', 'attachments', '--device', 'strict-a.0010', '--ledger', ledger, '--json'),
    );
    for (const span of spans) {
      const at = String(span['fromPosition']);
      const view = json(get('device', 'strict-a.0010', '--at', at, '--json'));
      expect(view).toMatchObject({ position: Number(at), kind: 'device', id: 'strict-a.0010' });
      expect((view['state'] as { ste: { words: unknown } }).ste.words).toEqual(span['ste']);
    }
    expect((json(get('nested-domain', '--json'))['items'] as unknown[]).length).toBeGreaterThan(3);
    expect(get('device', 'strict-a.0010').stdout).toContain('vdevice vsmmu=strict-a.vsmmu vsid=16');
    expect(get('device', 'strict-a.0010', '--at', '1').code).toBe(3);
    expect(get('widget').code).toBe(2);
  });

  test('diff names what changed, STEs by field, also backwards', () => {
    const diff = (range: string, ...args: string[]): Result =>
      steward('diff', range, ...args, '--ledger', ledger, '--json');
    const attached = lines(steward('log', 'device/strict-a.0010', '--ledger', ledger, '--json'))
      .filter((event) => event['type'] === 'DeviceAttached')
      .map((event) => Number(event['position']));
    const [bypass = 0, , nested = 0] = attached;
    const changes = json(diff(`${bypass}..${nested}`, 'device/strict-a.0010'));
    expect(changes).toMatchObject({ from: bypass, to: nested, added: {}, removed: {} });
    const updated = (changes['updated'] as Record<string, Record<string, unknown>>)[
      'device/strict-a.0010'
    ];
    expect(updated).toMatchObject({ 'ste.fields.Config': ['S2', 'NESTED'] });
    const back = json(diff(`${nested}..${bypass}`, 'device/strict-a.0010'));
    expect(back['updated']).toMatchObject({
      'device/strict-a.0010': { 'ste.fields.Config': ['NESTED', 'S2'] },
    });
    const whole = json(diff('1..latest'));
    expect(Object.keys(whole['added'] as object)).toContain('vm/strict-a');
    expect(diff('5').code).toBe(2);
    expect(diff('1..2', 'vm/none').code).toBe(3);
  });

  test('audit fanout shows the commands of a commit up to each CMD_SYNC, and what they removed', () => {
    const found = lines(steward('audit', 'fanout', '--since', '1', '--ledger', ledger, '--json'));
    const commands = found.flatMap((line) =>
      (line['smmus'] as { batches: { commands: { name: string; removed: object }[] }[] }[]).flatMap(
        ({ batches }) => batches.flatMap((batch) => batch.commands),
      ),
    );
    const named = (pattern: RegExp): number =>
      commands.filter(({ name }) => pattern.test(name)).length;
    const { hardware } = report['invalidations'] as { hardware: number };
    expect(named(/^CMD_(TLBI|CFGI|ATC_INV)/)).toBe(hardware);
    const unmap = found.find((line) => line['cause'] === 'ForwardInvalidations')!;
    const at = String(unmap['position']);
    const one = steward('audit', 'fanout', '--position', at, '--ledger', ledger);
    expect(one.stdout).toMatch(/CMD_TLBI_NH_|CMD_CFGI_CD/);
    expect(one.stdout).toMatch(/\d+ invalidations.*; \d+ CMD_SYNC/);
    expect(steward('audit', 'fanout', '--position', '1', '--since', '1').code).toBe(2);
  });

  test('bisect finds the commit at which something came to hold', () => {
    const bisect = (...args: string[]): Result => steward('bisect', ...args, '--ledger', ledger);
    const device = ['--device', 'strict-a.0010'];
    const attached = lines(steward('log', 'device/strict-a.0010', '--ledger', ledger, '--json'))
      .filter((event) => event['type'] === 'DeviceAttached')
      .map(({ position, payload }) => ({ position, ...(payload as { target: { id: string } }) }));
    const { position, target } = attached[1]!;
    const found = json(
      bisect(
        '--predicate',
        'attached',
        ...device,
        '--to',
        target.id,
        '--bad',
        String(position),
        '--json',
      ),
    );
    expect(found).toMatchObject({ first: position, commit: { position } });
    const nested = ['--predicate', 'ste', ...device, '--field', 'Config', '--value', 'NESTED'];
    const seen = bisect(...nested, '--bad', String(attached[2]!.position));
    expect(seen.stdout).toContain(`commit ${String(attached[2]!.position)} is the first`);
    expect(bisect(...nested, '--bad', '3').code).toBe(1);
    expect(bisect('--predicate', 'attached').code).toBe(2);
    expect(bisect('--predicate', 'nonsense').code).toBe(2);
  });

  test('bisect --run takes git exit codes, and goes on where it was interrupted', () => {
    const state = join(folder, 'bisect.json');
    const bisect = (command: string): Result =>
      steward('bisect', '--run', command, '--state', state, '--ledger', ledger, '--json');
    const stops = 'test $STEWARD_POSITION -ne 99 || exit 130; test $STEWARD_POSITION -lt 99';
    expect(bisect(stops).code).toBe(1);
    const kept = JSON.parse(readFileSync(state, 'utf8')) as { probes: unknown[] };
    expect(kept.probes.length).toBeGreaterThan(2);
    expect(bisect('true').code).toBe(4);
    writeFileSync(state, readFileSync(state, 'utf8').replace('exit 130', 'exit 1'));
    const done = json(bisect(stops.replace('exit 130', 'exit 1')));
    expect(done['first']).toBe(99);
    expect((done['probes'] as unknown[]).slice(0, kept.probes.length)).toEqual(kept.probes);
    expect(existsSync(state)).toBe(false);
  });

  test('export perfetto writes trace events that keep the rules of the format', () => {
    const out = join(folder, 'run.perfetto.json');
    const result = json(steward('export', 'perfetto', '--out', out, '--ledger', ledger, '--json'));
    const text = readFileSync(out, 'utf8');
    const { traceEvents } = JSON.parse(text) as { traceEvents: TraceEvent[] };
    expect(traceEvents).toHaveLength(result['events'] as number);
    expect(validateTraceEvents(traceEvents)).toEqual([]);
    const commits = traceEvents.filter((e) => e.ph === 'X' && e.cat === 'command');
    expect(commits).toHaveLength(report['commits'] as number);
    const spans = traceEvents.filter((e) => e.ph === 'X' && e.cat === 'attachment');
    const listed = lines(steward('audit', 'attachments', '--ledger', ledger, '--json'));
    expect(spans).toHaveLength(listed.length);
    const cut = ['--since', '200', '--until', '300'];
    const part = steward('export', 'perfetto', '--out', `${out}.gz`, ...cut, '--ledger', ledger);
    expect(part.stdout).toMatch(/commits 200 to 300/);
    const nowhere = join(folder, 'no-folder', 'out.json');
    expect(steward('export', 'perfetto', '--out', nowhere, '--ledger', ledger).code).toBe(1);
  });

  test('decode needs no ledger', () => {
    const decoded = json(steward('decode', 'cmd', '0003000000200012', 'fffdc701', '--json'));
    expect(decoded).toMatchObject({ kind: 'cmd', name: 'CMD_TLBI_NH_VA' });
    expect(steward('decode', 'cmd', '1', '2', '3').code).toBe(2);
    expect(steward('decode', 'ste', 'xyz').code).toBe(2);
  });

  describe('bad input', () => {
    const bad = (name: string, text: string): string => {
      const file = join(folder, name);
      writeFileSync(file, text);
      return file;
    };

    test.each([
      ['broken YAML', 'name: [', 2, /broken\.yaml/],
      ['an unknown key', 'name: x\nhots: {}\n', 2, /hots/],
      ['no guests', 'name: x\nhost: {id: h}\nsmmus: []\nguests: []\n', 2, /smmus/],
    ])('%s is a usage error that names the place', (_, text, code, message) => {
      const target = join(folder, 'never.db');
      const result = steward('run', bad('broken.yaml', text), '--ledger', target);
      expect(result.code).toBe(code);
      expect(result.stderr).toMatch(message);
      expect(existsSync(target)).toBe(false);
    });

    test('missing files exit 3', () => {
      expect(steward('run', join(folder, 'none.yaml')).code).toBe(3);
      expect(steward('verify', '--ledger', join(folder, 'none.db')).code).toBe(3);
      expect(existsSync(join(folder, 'none.db'))).toBe(false);
      const out = join(folder, 'out.json');
      expect(steward('import', 'qemu-trace', join(folder, 'none'), '--out', out).code).toBe(3);
    });

    test('a truncated trace exits 1 and writes nothing', () => {
      const trace = join(folder, 'cut.qemu-trace.txt.gz');
      copyFileSync(join(TRACES, 'guest-identity.qemu-trace.txt.gz'), trace);
      truncateSync(trace, 10_000);
      const out = join(folder, 'cut.recording.json');
      const result = steward('import', 'qemu-trace', trace, '--out', out);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain('cut.qemu-trace.txt.gz');
      expect(existsSync(out)).toBe(false);
    });

    test('a recording without raw commands can be made but not played', () => {
      const trace = join(TRACES, 'guest-identity.qemu-trace.txt.gz');
      const out = join(folder, 'text-only.recording.json');
      expect(steward('import', 'qemu-trace', trace, '--out', out).code).toBe(0);
      const smmu = `{ id: s, idr: ['0x0d44101b', '0x02730010', 0, '0x1414', 0, '0x74'] }`;
      const guest = `{ name: g, smmu: s, recording: ${out} }`;
      const scenario = `name: x\nhost: { id: h }\nsmmus: [${smmu}]\nguests: [${guest}]\n`;
      const target = join(folder, 'never.db');
      const result = steward('run', bad('unplayable.yaml', scenario), '--ledger', target);
      expect(result.code).toBe(4);
      expect(existsSync(target)).toBe(false);
    });

    test('the second of two SMMUs can be imported; without stage 1 it cannot be nested', () => {
      const stem = join(TRACES, 'guest-two-smmu-stage2-strict');
      const out = join(folder, 'stage2.recording.json.gz');
      const of = (smmu: string): Result =>
        steward(
          ...['import', 'qemu-trace', `${stem}.qemu-trace.txt.gz`, '--smmu', smmu, '--json'],
          ...['--cmdq', `${stem}.cmdq.json.gz`, '--out', out],
        );
      expect(of('2').code).toBe(3);
      expect(json(of('1'))).toMatchObject({ commands: 464, findings: [], notes: [] });
      const smmu = `{ id: s, idr: ['0x0d44101b', '0x02730010', 0, '0x1414', 0, '0x74'] }`;
      const scenario = `name: x\nhost: { id: h }\nsmmus: [${smmu}]\nguests: [{ name: g, smmu: s, recording: ${out} }]\n`;
      const target = join(folder, 'stage2.db');
      const result = steward('run', bad('stage2.yaml', scenario), '--ledger', target);
      expect(result.code).toBe(4);
      expect(result.stderr).toMatch(/guest g: .*IDR0\.S1P = 0/);
      expect(existsSync(target)).toBe(false);
    });

    test('a file that is no ledger exits 1, an unknown command or option 2', () => {
      expect(steward('log', '--ledger', bad('text.db', 'no database at all'.repeat(99))).code).toBe(
        1,
      );
      expect(steward('frobnicate').code).toBe(2);
      expect(steward('verify', '--frobnicate').code).toBe(2);
      expect(steward('--help').code).toBe(0);
    });
  });

  test('the recordings of the scenario are what the importer makes of the traces', () => {
    const out = join(folder, 'fresh.recording.json.gz');
    const stem = join(TRACES, 'guest-lazy');
    steward(
      ...['import', 'qemu-trace', `${stem}.qemu-trace.txt.gz`],
      ...['--cmdq', `${stem}.cmdq.json.gz`, '--out', out],
    );
    const text = (file: string): unknown =>
      JSON.parse(spawnSync('gzip', ['-dc', file], { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout);
    const kept = join(ROOT, 'scenarios/recordings/guest-lazy.recording.json.gz');
    expect(text(out)).toEqual(text(kept));
  });
});
