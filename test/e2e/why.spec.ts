import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { translationPath } from '@steward/audit';
import { SqliteLedger } from '@steward/ledger';
import {
  consequencesOf,
  NothingToExplain,
  translationIs,
  whyAnswer,
  whyCached,
  whyWords,
} from '@steward/replay';
import { projectRoot } from '../conformance/project-root';
import { documentOf, expectTranscript, linesOf, steward } from './built-cli';
import { DEVICE, SmallGuest } from './small-guest';
import { IOVA, OTHER_PAGE, translate, type TranslatingHistory } from './translating-guest';

describe('steward why', () => {
  let folder: string;
  let ledger: SqliteLedger;
  let at: TranslatingHistory;
  let hit: { pa: bigint; path: number };
  beforeAll(async () => {
    const guest = await SmallGuest.open();
    at = await translate(guest, () => {
      const dma = guest.effectsOfLast().find(({ kind }) => kind === 'dma');
      const path = translationPath(guest.machine, { device: DEVICE, iova: IOVA });
      hit = { pa: dma?.words[1] ?? 0n, path: path.end.kind === 'ok' ? path.end.pa : 0 };
    });
    folder = await guest.close({ keep: true });
    const file = join(folder, 'ledger.db');
    const migrations = join(projectRoot(), 'migrations');
    ledger = await SqliteLedger.open({ file, migrations, mode: 'read' });
  });
  afterAll(async () => {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('follows a translation where hardware went', () => {
    expect(hit.pa).toBe(BigInt(hit.path));
    expect(hit.path).not.toBe(0);
  });

  it('names the commit that last changed each word on the way, at that position', async () => {
    const question = { kind: 'translation', device: DEVICE, iova: IOVA } as const;
    const changesAt = async (position: number) => {
      const { words, chains, end } = await whyWords({ ledger }, question, { at: position });
      const leaf = words.find(({ role }) => role === 'stage 1 level 3');
      return {
        leaf: leaf?.change?.position,
        cd: words.find((w) => w.role === 'CD word 1'),
        chains,
        end,
      };
    };
    const before = await changesAt(at.remapped - 1);
    expect([before.leaf, before.cd?.change?.position]).toEqual([at.leaf, at.cd]);
    const after = await changesAt(at.remapped);
    expect(after.leaf).toBe(at.remapped);
    expect(after.end).toMatchObject({ kind: 'ok', ipa: OTHER_PAGE });
    expect(after.chains.get(at.remapped)?.map(({ actor }) => actor)).toEqual(['guest:g']);
  });

  it('leads from an STE back to the guest that asked for it', async () => {
    const { words, chains } = await whyWords(
      { ledger },
      { kind: 'ste', device: DEVICE },
      { at: at.illegal - 1 },
    );
    const attached = words[0]?.change;
    expect(attached).toMatchObject({ event: 'DeviceAttached', byHardware: false });
    expect(chains.get(attached!.position)?.map((c) => [c.actor, c.command['type']])).toEqual([
      ['vmm:g', 'AttachDevice'],
      ['guest:g', 'QueueGuestCommands'],
    ]);
  });

  it('says what a refusal followed from, and what it led to', async () => {
    const { led } = await consequencesOf(ledger, at.illegal);
    expect(led.map((c) => [c.command['type'], c.outcome.ok])).toEqual([
      ['AllocateNestedDomain', false],
      ['AttachDevice', true],
      ['FreeNestedDomain', true],
      ['RecordGuestEvent', true],
      ['CompleteGuestCommands', true],
    ]);
    const refused = await ledger.commit(led[0]!.position);
    const looked = await whyAnswer({ ledger }, refused!);
    expect(looked.map(({ stream }) => stream)).toEqual(
      expect.arrayContaining(['device/g.0010', 'smmu/s', 'host/h', 'vsmmu/g.vsmmu']),
    );
    expect(looked[0]).toMatchObject({ version: 0, changedAt: null });
  });

  it('has nothing to say of what is not there', async () => {
    for (const [question, position] of [
      [{ kind: 'ste', device: 'none' }, at.s1],
      [{ kind: 'cd', device: DEVICE }, at.cd],
      [{ kind: 'word', host: 'h', pa: 0x10 }, at.s1],
    ] as const) {
      await expect(whyWords({ ledger }, question, { at: position })).rejects.toThrow(
        NothingToExplain,
      );
    }
  });

  it('leads from a cached translation to the words it was made from and to who wrote them', async () => {
    const question = { device: DEVICE, iova: IOVA };
    const leafOf = async (position: number) => {
      const { entries, chains } = await whyCached({ ledger }, question, { at: position });
      const combined = entries.find(
        ({ entry }) => entry.cache === 'TLB' && entry.stage === 'nested',
      );
      const changed = combined?.words.filter((word) => word.changed !== null);
      return { combined, changed, chains };
    };
    const before = await leafOf(at.remapped - 1);
    expect(before.combined?.stale).toBe(false);
    expect(before.changed).toEqual([]);
    const { combined, changed, chains } = await leafOf(at.remapped);
    expect(combined?.stale).toBe(true);
    expect(changed?.map((word) => [word.made?.position, word.changed?.position])).toEqual([
      [at.leaf, at.remapped],
    ]);
    expect(changed?.[0]?.word).not.toBe(changed?.[0]?.now);
    expect(chains.get(at.remapped)?.map(({ actor }) => actor)).toEqual(['guest:g']);
  });

  it('leads from cached configuration to the commits that wrote the STE and the CD', async () => {
    const { entries } = await whyCached({ ledger }, { device: DEVICE }, { at: at.remapped });
    const writersOf = (cache: string) =>
      new Set(entries.find(({ entry }) => entry.cache === cache)?.words.map((w) => w.made?.event));
    expect(writersOf('STE')).toContain('DeviceAttached');
    expect(writersOf('CD')).toContain('GuestMemoryWritten');
    const nothing = whyCached({ ledger }, { device: 'none' }, { at: at.remapped });
    await expect(nothing).rejects.toThrow(NothingToExplain);
  });

  it('a predicate of bisect finds where a translation changed', async () => {
    const to = BigInt(hit.path);
    const first = translationIs({ ledger }, DEVICE, { iova: IOVA, to });
    expect(await Promise.all([first(at.s1 - 1)])).toEqual([false]);
    expect(await first(at.remapped - 1)).toBe(true);
    expect(await first(at.remapped)).toBe(false);
    const nowhere = translationIs({ ledger }, DEVICE, { iova: 0x5000n, to: undefined });
    expect([await nowhere(0), await nowhere(at.remapped)]).toEqual([true, true]);
  });

  it('of a driver that forgets a command, the fan-out says what is missing', () => {
    const out = join(folder, 'forgets.db');
    const change = ['--policy', 'forgets=CMD_TLBI_NH_ALL'];
    const file = join(folder, 'ledger.db');
    const forked = steward(
      'fork',
      '--at',
      '0',
      '--out',
      out,
      ...change,
      '--ledger',
      file,
      '--json',
    );
    expect(documentOf(forked)).toMatchObject({
      totals: { original: { stale: { hostWindows: 0 } }, fork: { stale: { hostWindows: 1 } } },
    });
    const missingIn = (ledgerFile: string) =>
      linesOf(steward('audit', 'fanout', '--missing', '--json', '--ledger', ledgerFile)).flatMap(
        (line) => (line['missing'] as object[]).map((one) => [line['position'], one]),
      );
    expect(missingIn(file)).toEqual([]);
    expect(missingIn(out)).toMatchObject([[at.unmapped, { rule: 'not-invalidated' }]]);
    const state = join(folder, 'stale.json');
    const audit = () => steward('audit', 'stale', '--json', '--state', state, '--ledger', out);
    const told = audit();
    expect(told.code).toBe(7);
    expect(existsSync(state)).toBe(false);
    const question = { ledger: out, since: 1, until: at.unmapped, vm: '' };
    writeFileSync(state, JSON.stringify({ question, done: at.unmapped }));
    const rest = audit();
    expect(rest.code).toBe(7);
    const isOpen = (line: Record<string, unknown>) => line['closed'] === null;
    expect(linesOf(rest)).toEqual(linesOf(told).filter(isOpen));
    writeFileSync(state, JSON.stringify({ question: { ...question, since: 2 }, done: 3 }));
    expect(audit().code).toBe(4);
  });

  it('at the command line', () => {
    const file = join(folder, 'ledger.db');
    const why = (...args: string[]) => steward('why', ...args, '--ledger', file);
    const position = String(at.remapped);
    const translation = why('translation', DEVICE, '0x1000', '--at', position);
    expect([translation.code, translation.stderr]).toEqual([0, '']);
    expectTranscript('why-translation', translation.stdout, [folder]);
    const cached = why('cached', DEVICE, '0x1000', '--at', position);
    expect([cached.code, cached.stderr]).toEqual([0, '']);
    expectTranscript('why-cached', cached.stdout, [folder]);
    expect(documentOf(why('cached', DEVICE, '--json'))['entries']).not.toEqual([]);
    expectTranscript('why-commit', why('commit', String(at.illegal + 1)).stdout, [folder]);
    const vste = documentOf(why('vste', DEVICE, '--json'));
    expect(vste).toMatchObject({ question: { kind: 'vste' }, host: 'h' });
    expect(vste['words']).toHaveLength(2);
    expect(why('cd', 'none').code).toBe(3);
    const bisect = ['--device', DEVICE, '--iova', '0x1000', '--to', `0x${hit.path.toString(16)}`];
    const found = documentOf(
      steward(
        ...['bisect', '--predicate', 'translation', ...bisect, '--bad', String(at.remapped - 1)],
        ...['--json', '--ledger', file],
      ),
    );
    expect(found['first']).toBe(at.s1 + 2);
  });
});
