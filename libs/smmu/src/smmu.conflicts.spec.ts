import {
  AP_RW,
  AF,
  nestedMachine,
  NESTED_IDR,
  PAGE,
  S1_BLOCK,
  S1_PAGE,
  S2_BLOCK,
  type Table,
} from './__fixtures__/machine';
import { EVENTS, eventName } from './formats/event-records';
import type { Outcome } from './transaction';

const BBML = 3 << 11;
/** NESTED_IDR with another IDR3.BBML. */
const idr = (level: number) =>
  [...NESTED_IDR.slice(0, 3), (NESTED_IDR[3] & ~BBML) | (level << 11), 0, 0x74] as const;
const NO_TRANSLATION = 1n << 16n;
const BLOCK = 0x1240_0000;

function event(outcome: Outcome): string {
  const words = outcome.kind === 'abort' ? outcome.event : undefined;
  return words === undefined ? outcome.kind : `${eventName(words)}`;
}

/** A stage 1 with one page of a 2 MiB block mapped and used. */
function machineAt(level: number) {
  const nested = nestedMachine({
    idr: idr(level) as never,
    steFields: { Config: 5n },
  });
  const { machine, stage1 } = nested;
  machine.map(stage1, BLOCK, 0x5000_0000, S1_PAGE);
  expect(event(machine.read(0, BLOCK))).toBe('ok');
  return nested;
}

type Nested = ReturnType<typeof machineAt>;

/** Puts a block where a table was, without making the entry invalid first. */
function widen({ machine }: Nested, table: Table, bits = 0n): void {
  machine.map(table, BLOCK, 0x5000_0000, S1_BLOCK | bits, 2);
  machine.command('TLBI_NH_VA', {
    VMID: 1n,
    ASID: 1n,
    // Another page of the block, so that the walk cache forgets the table and the page's entry stays.
    Address: BigInt(BLOCK + 0x3000),
  });
}

describe('a change of size without break-before-make', () => {
  it.each([0, 1])(
    'is an F_TLB_CONFLICT at BBML %i, until both entries are invalidated',
    (level) => {
      const nested = machineAt(level);
      const { machine, stage1 } = nested;
      widen(nested, stage1);
      expect(event(machine.read(0, BLOCK + 0x5000))).toBe('ok');
      const outcome = machine.read(0, BLOCK);
      expect(event(outcome)).toBe('F_TLB_CONFLICT');
      expect(EVENTS.F_TLB_CONFLICT.layout.decode(machine.eventAt(0)).values).toMatchObject({
        StreamID: 0n,
        RnW: 1n,
        S2: 0n,
        InputAddr: BigInt(BLOCK),
      });
      machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 1n, Address: BigInt(BLOCK) });
      expect(event(machine.read(0, BLOCK))).toBe('ok');
    },
  );

  it('is resolved at BBML 2', () => {
    const nested = machineAt(2);
    widen(nested, nested.stage1);
    nested.machine.read(0, BLOCK + 0x5000);
    expect(event(nested.machine.read(0, BLOCK))).toBe('ok');
  });

  it('is no conflict under nT=1 at BBML 1, where such a block is not cached', () => {
    const nested = machineAt(1);
    widen(nested, nested.stage1, NO_TRANSLATION);
    expect(event(nested.machine.read(0, BLOCK + 0x5000))).toBe('ok');
    expect(event(nested.machine.read(0, BLOCK))).toBe('ok');
    expect(nested.machine.smmu.cachedEntries().stage1).toBe(1);
  });

  it('takes no notice of nT at BBML 0', () => {
    const nested = machineAt(0);
    widen(nested, nested.stage1, NO_TRANSLATION);
    nested.machine.read(0, BLOCK + 0x5000);
    expect(event(nested.machine.read(0, BLOCK))).toBe('F_TLB_CONFLICT');
  });

  it('at stage 2 says so, with the IPA', () => {
    const { machine, stage1, stage2, va, ipa, pa } = nestedMachine({
      idr: idr(1) as never,
      cdFields: { R: 0n },
    });
    const other = va + 0x1000;
    machine.map(stage1, other, ipa + 0x5000, S1_PAGE);
    machine.read(0, va);
    machine.map(stage2, ipa, pa, S2_BLOCK, 2);
    machine.command('TLBI_S2_IPA', { VMID: 1n, Address: BigInt(ipa + 0x3000) });
    expect(event(machine.read(0, other))).toBe('ok');
    // Until now the combined entry answers for the page.
    expect(event(machine.read(0, va))).toBe('ok');
    machine.command('TLBI_NH_ALL', { VMID: 1n });
    expect(event(machine.read(0, va))).toBe('F_TLB_CONFLICT');
    expect(EVENTS.F_TLB_CONFLICT.layout.decode(machine.eventAt(0)).values).toMatchObject({
      S2: 1n,
      InputAddr: BigInt(va),
      IPA: BigInt(ipa),
    });
  });
});

describe('a global entry over one that is not', () => {
  it('is a conflict, whatever CD.R says', () => {
    const { machine, stage1, va } = nestedMachine({
      idr: idr(0) as never,
      cdFields: { R: 0n },
      steFields: { Config: 5n },
    });
    machine.map(stage1, va, 0x5000_0000, S1_PAGE);
    expect(event(machine.read(0, va))).toBe('ok');
    // The page becomes global: an ASID that has not used it makes the global entry.
    machine.map(stage1, va, 0x5000_0000, PAGE | AF | AP_RW);
    const cd = machine.page();
    machine.writeCd(cd, { TTB0: BigInt(stage1.root), ASID: 2n, R: 0n });
    machine.writeSte(1, { Config: 5n, S1ContextPtr: BigInt(cd), S2VMID: 1n });
    expect(event(machine.read(1, va))).toBe('ok');
    expect(event(machine.read(0, va))).toBe('F_TLB_CONFLICT');
  });
});
