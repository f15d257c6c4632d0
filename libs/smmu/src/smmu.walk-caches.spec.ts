import fc from 'fast-check';
import { Machine, nestedMachine, S1_PAGE, S2_PAGE } from './__fixtures__/machine';
import { eventName } from './formats/event-records';
import type { Outcome } from './transaction';

function event(outcome: Outcome): string | undefined {
  return outcome.kind === 'abort' && outcome.event !== undefined
    ? eventName(outcome.event)
    : undefined;
}

/** Address of the level-2 descriptor of an input address: it names the level-3 table. */
function level2Entry(machine: Machine, root: number, input: number): number {
  let at = root;
  for (let level = 0; level < 2; level++) {
    const entry = at + (Math.floor(input / 2 ** (39 - level * 9)) % 512) * 8;
    at = Number(machine.memory.read64(entry) & 0xffff_ffff_f000n);
  }
  return at + (Math.floor(input / 2 ** 21) % 512) * 8;
}

/** A stage-1 stream that has read one page, whose level-3 table was then taken away. */
function freedTable(caching?: { mode: 'adversarial'; walkCaches: boolean }): {
  machine: Machine;
  va: number;
} {
  const machine = new Machine(undefined, caching === undefined ? {} : { caching });
  const stage1 = machine.table();
  const cd = machine.page();
  const va = 0x1234_5000;
  machine.map(stage1, va, 0x5000_0000, S1_PAGE);
  machine.map(stage1, va + 4096, 0x5000_1000, S1_PAGE);
  machine.writeCd(cd, { TTB0: BigInt(stage1.root), ASID: 1n });
  machine.writeSte(0, { Config: 5n, S2VMID: 1n, S1ContextPtr: BigInt(cd) });
  expect(machine.read(0, va).kind).toBe('ok');
  machine.memory.write64(level2Entry(machine, stage1.root, va), 0n);
  return { machine, va };
}

describe('a stage-1 table whose descriptor was cached', () => {
  const named = (va: number): Record<string, bigint> => ({
    VMID: 1n,
    ASID: 1n,
    Address: BigInt(va),
  });

  it('is walked after it was freed, also for its other pages', () => {
    const { machine, va } = freedTable();
    expect(machine.read(0, va + 4096)).toMatchObject({ kind: 'ok', pa: 0x5000_1000 });
  });

  it('is not walked where no table descriptors are cached', () => {
    const { machine, va } = freedTable({ mode: 'adversarial', walkCaches: false });
    expect(event(machine.read(0, va + 4096))).toBe('F_TRANSLATION');
  });

  it.each<[string, (va: number) => Record<string, bigint>]>([
    ['TLBI_NH_VA', (va) => ({ ...named(va), Leaf: 1n })],
    ['TLBI_NH_VA', (va) => ({ ...named(va), Leaf: 1n, TG: 1n, TTL: 3n })],
    ['TLBI_NH_VA', (va) => ({ ...named(va), ASID: 2n })],
    ['TLBI_NH_VA', (va) => ({ ...named(va), TG: 3n, TTL: 3n })],
    ['TLBI_NH_VA', (va) => named(va + 2 ** 21)],
    ['TLBI_NH_VAA', (va) => ({ VMID: 1n, Address: BigInt(va), Leaf: 1n })],
    ['TLBI_NH_ASID', () => ({ VMID: 1n, ASID: 2n })],
    ['TLBI_S2_IPA', (va) => ({ VMID: 1n, Address: BigInt(va) })],
  ])('outlives %s %#', (command, values) => {
    const { machine, va } = freedTable();
    machine.command(command as 'TLBI_NH_VA', values(va));
    expect(machine.read(0, va + 4096).kind).toBe('ok');
  });

  it.each<[string, (va: number) => Record<string, bigint>]>([
    ['TLBI_NH_VA', named],
    ['TLBI_NH_VA', (va) => named(va + 4096)],
    ['TLBI_NH_VA', (va) => ({ ...named(va), TG: 1n, TTL: 3n })],
    ['TLBI_NH_VA', (va) => ({ ...named(va - (va % 2 ** 30)), TG: 1n, NUM: 7n, SCALE: 15n })],
    ['TLBI_NH_VAA', (va) => ({ VMID: 1n, Address: BigInt(va) })],
    ['TLBI_NH_ASID', () => ({ VMID: 1n, ASID: 1n })],
    ['TLBI_NH_ALL', () => ({ VMID: 1n })],
    ['TLBI_S12_VMALL', () => ({ VMID: 1n })],
    ['TLBI_NSNH_ALL', () => ({})],
  ])('goes with %s %#', (command, values) => {
    const { machine, va } = freedTable();
    machine.command(command as 'TLBI_NH_VA', values(va));
    expect(event(machine.read(0, va + 4096))).toBe('F_TRANSLATION');
  });
});

describe('a stage-1 table of a nested stream', () => {
  it('stays at its PA when stage 2 moves it, until stage 1 is invalidated', () => {
    const { machine, stage1, stage2, va } = nestedMachine();
    machine.read(0, va);
    const table = Number(machine.memory.read64(level2Entry(machine, stage1.root, va)) & ~0xfffn);
    // Stage 2 maps the level-3 table to an empty page.
    machine.map(stage2, table, machine.page(), S2_PAGE);
    machine.command('TLBI_S2_IPA', { VMID: 1n, Address: BigInt(table) });
    machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 1n, Address: BigInt(va), Leaf: 1n });
    expect(machine.read(0, va).kind).toBe('ok');
    machine.command('TLBI_NH_ALL', { VMID: 1n });
    expect(event(machine.read(0, va))).toBe('F_TRANSLATION');
  });
});

describe('a stage-2 table whose descriptor was cached', () => {
  it('is walked after it was freed, until an invalidation without Leaf names it', () => {
    const machine = new Machine();
    const stage2 = machine.table();
    const ipa = 0x8000_0000;
    machine.map(stage2, ipa, 0x5000_0000, S2_PAGE);
    machine.writeSte(0, { Config: 6n, ...machine.stage2(stage2, 3n) });
    machine.read(0, ipa);
    machine.memory.write64(level2Entry(machine, stage2.root, ipa), 0n);
    machine.command('TLBI_S2_IPA', { VMID: 3n, Address: BigInt(ipa), Leaf: 1n });
    expect(machine.read(0, ipa).kind).toBe('ok');
    machine.command('TLBI_S2_IPA', { VMID: 3n, Address: BigInt(ipa) });
    expect(event(machine.read(0, ipa))).toBe('F_TRANSLATION');
  });
});

describe('a set-associative cache', () => {
  const step = fc.record({
    page: fc.nat({ max: 15 }),
    output: fc.nat({ max: 15 }),
    change: fc.boolean(),
  });

  it('never holds more than its places', () => {
    const { machine, va, stage1, ipa } = nestedMachine({
      caching: { mode: 'limited', sets: 2, ways: 3, seed: 5 },
    });
    for (let n = 0; n < 40; n++) {
      machine.map(stage1, va + n * 4096, ipa, S1_PAGE);
      expect(machine.read(0, va + n * 4096).kind).toBe('ok');
      const { stage1: one, stage2, nested } = machine.smmu.cachedEntries();
      expect(one + stage2 + nested).toBeLessThanOrEqual(6);
    }
  });

  it('gives software that invalidates rightly what a cache that keeps everything gives', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
        const small = { mode: 'limited', sets: 2, ways: 2, seed } as const;
        const machines = [nestedMachine({}), nestedMachine({ caching: small })];
        for (const { page, output, change } of steps) {
          const outcomes = machines.map(({ machine, stage1, ipa, va }) => {
            const at = va + page * 4096;
            if (change) {
              const descriptor = output === 0 ? 0n : S1_PAGE;
              machine.map(stage1, at, output === 0 ? 0 : ipa + (output % 2) * 4096, descriptor);
              machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 1n, Address: BigInt(at), Leaf: 1n });
            }
            return machine.read(0, at);
          });
          expect(outcomes[1]).toEqual(outcomes[0]);
        }
      }),
      { seed: 3, numRuns: 60 },
    );
  });
});
