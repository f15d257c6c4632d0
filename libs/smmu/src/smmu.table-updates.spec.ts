import {
  AP_RO,
  HTTU_IDR,
  Machine,
  nestedMachine,
  NESTED_IDR,
  S1_PAGE,
  S2_PAGE,
  S2_RO,
  S2_RW,
} from './__fixtures__/machine';
import { EVENT_CLASS, EVENTS } from './formats/event-records';
import type { SmmuConfiguration } from './registers/features';

const AF = 1n << 10n;
const AP_READ_ONLY = 1n << 7n;
const S2AP_WRITE = 1n << 7n;
const DBM = 1n << 51n;
/** Readable by all, clean: the first write makes it writable. */
const S1_CLEAN = S1_PAGE | AP_RO | DBM;
const S2_CLEAN = (S2_PAGE & ~S2_RW) | S2_RO | DBM;
const VA = 0x1234_5000;
const PA = 0x5000_0000;

type Bits = Record<string, bigint>;
type Idr = SmmuConfiguration['idr'];

function withIdr0(idr0: number): Idr {
  const [, idr1, idr2, idr3, idr4, idr5] = NESTED_IDR;
  return [idr0, idr1, idr2, idr3, idr4, idr5];
}

/** A stream of stage 1 alone whose one page is `leaf`. */
function stage1Only(leaf: bigint, cd: Bits, idr: Idr = HTTU_IDR) {
  const machine = new Machine(idr);
  const table = machine.table();
  const cdAddress = machine.page();
  const entry = machine.map(table, VA, PA, leaf);
  machine.writeCd(cdAddress, { TTB0: BigInt(table.root), ASID: 1n, ...cd });
  machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cdAddress) });
  const walk = machine.walk(table, VA);
  return { machine, leaf: (): bigint => machine.memory.read64(entry), entry, table, walk };
}

/** A stream of stage 2 alone whose one page is `leaf`. */
function stage2Only(leaf: bigint, ste: Bits) {
  const machine = new Machine(HTTU_IDR);
  const table = machine.table();
  const entry = machine.map(table, VA, PA, leaf);
  machine.writeSte(0, { Config: 6n, ...machine.stage2(table, 1n), ...ste });
  return { machine, leaf: (): bigint => machine.memory.read64(entry), entry };
}

/** A nested stream; stage 2 of the page that holds the stage-1 leaf is at `tableEntry`. */
function nested(cd: Bits, ste: Bits) {
  const built = nestedMachine({ idr: HTTU_IDR });
  const { machine, stage1, stage2 } = built;
  const values = { TTB0: BigInt(stage1.root), ASID: 1n, ...cd };
  machine.writeCd(built.cd, values);
  const common = { Config: 7n, S1ContextPtr: BigInt(built.cd), ...machine.stage2(stage2, 1n) };
  machine.writeSte(0, { ...common, ...ste });
  const holder = built.s1Entry - (built.s1Entry % 4096);
  const remapTable = (bits: bigint): number => machine.map(stage2, holder, holder, bits);
  return { ...built, holder, remapTable };
}

function without(leaf: bigint, bits: bigint): bigint {
  return leaf & ~bits;
}

describe('Access flag update', () => {
  it.each([{ write: false }, { write: true }])('HA=1 sets AF on an access: %p', ({ write }) => {
    const { machine, leaf } = stage1Only(without(S1_PAGE, AF), { HA: 1n });
    const access = write ? machine.write(0, VA) : machine.read(0, VA);
    expect(access).toMatchObject({ kind: 'ok', pa: PA });
    expect(leaf()).toBe(S1_PAGE | BigInt(PA));
  });

  it('HA=0 faults instead, unless AFFD=1, and writes nothing', () => {
    const plain = stage1Only(without(S1_PAGE, AF), {});
    expect(plain.machine.read(0, VA).kind).toBe('abort');
    expect(plain.machine.eventAt(0)[0]! & 0xffn).toBe(BigInt(EVENTS.F_ACCESS.type));
    const quiet = stage1Only(without(S1_PAGE, AF), { AFFD: 1n });
    expect(quiet.machine.read(0, VA).kind).toBe('ok');
    for (const { leaf } of [plain, quiet]) expect(leaf()).toBe(without(S1_PAGE, AF) | BigInt(PA));
  });

  it('HA=1 with AFFD=1 still updates: AFFD is IGNORED', () => {
    const { machine, leaf } = stage1Only(without(S1_PAGE, AF), { HA: 1n, AFFD: 1n });
    machine.read(0, VA);
    expect(leaf() & AF).toBe(AF);
  });

  it('happens on no access that stage 1 refuses', () => {
    const readOnly = without(S1_PAGE, AF) | AP_RO;
    const { machine, leaf } = stage1Only(readOnly, { HA: 1n });
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(machine.eventAt(0)[0]! & 0xffn).toBe(BigInt(EVENTS.F_PERMISSION.type));
    expect(leaf()).toBe(readOnly | BigInt(PA));
  });

  it('HD=1 without HA is reserved and updates nothing', () => {
    const { machine, leaf } = stage1Only(without(S1_CLEAN, AF), { HD: 1n, AFFD: 1n });
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', writable: false });
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(leaf()).toBe(without(S1_CLEAN, AF) | BigInt(PA));
  });

  it('is written back in the endianness of the tables', () => {
    const eitherEndian = withIdr0(HTTU_IDR[0] & ~(3 << 21));
    const built = stage1Only(without(S1_PAGE, AF), { HA: 1n, ENDI: 1n }, eitherEndian);
    const { machine, entry } = built;
    for (const word of built.walk) {
      machine.memory.write64(word, swapped(machine.memory.read64(word)));
    }
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', pa: PA });
    expect(machine.memory.read64(entry)).toBe(swapped(S1_PAGE | BigInt(PA)));
  });
});

describe('dirty state update', () => {
  it('a write makes a writable-clean leaf dirty and passes', () => {
    const { machine, leaf } = stage1Only(S1_CLEAN, { HA: 1n, HD: 1n });
    expect(machine.write(0, VA)).toMatchObject({ kind: 'ok', writable: true });
    expect(leaf()).toBe(without(S1_CLEAN, AP_READ_ONLY) | BigInt(PA));
  });

  it('sets AF with it', () => {
    const { machine, leaf } = stage1Only(without(S1_CLEAN, AF), { HA: 1n, HD: 1n });
    machine.write(0, VA);
    expect(leaf()).toBe(without(S1_CLEAN, AP_READ_ONLY) | BigInt(PA));
  });

  it('a read leaves the leaf clean, and a later write through the TLB still updates it', () => {
    const { machine, leaf } = stage1Only(S1_CLEAN, { HA: 1n, HD: 1n });
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', readable: true, writable: true });
    expect(leaf()).toBe(S1_CLEAN | BigInt(PA));
    expect(machine.smmu.cachedEntries().stage1).toBe(1);
    expect(machine.write(0, VA).kind).toBe('ok');
    expect(leaf() & AP_READ_ONLY).toBe(0n);
    expect(machine.smmu.cachedEntries().stage1).toBe(1);
  });

  it('a write through the TLB takes the leaf as memory has it now', () => {
    const { machine, entry } = stage1Only(S1_CLEAN, { HA: 1n, HD: 1n });
    machine.read(0, VA);
    machine.memory.write64(entry, 0n);
    expect(machine.read(0, VA).kind).toBe('ok');
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(machine.memory.read64(entry)).toBe(0n);
  });

  it('a dirty leaf is written once', () => {
    const { machine, entry, leaf } = stage1Only(S1_CLEAN, { HA: 1n, HD: 1n });
    machine.write(0, VA);
    machine.memory.write64(entry, 0n);
    expect(machine.write(0, VA).kind).toBe('ok');
    expect(leaf()).toBe(0n);
  });

  it.each([
    ['HD=0', { HA: 1n }, S1_CLEAN],
    ['DBM=0', { HA: 1n, HD: 1n }, without(S1_CLEAN, DBM)],
  ])('%s: a write to a read-only leaf is a permission fault', (_name, cd, bits) => {
    const { machine, leaf } = stage1Only(bits, cd);
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(leaf()).toBe(bits | BigInt(PA));
  });

  it('APTable[1] takes write access away from a clean leaf', () => {
    const { machine, leaf, table } = stage1Only(S1_CLEAN, { HA: 1n, HD: 1n });
    const root = machine.memory.read64(table.root);
    machine.memory.write64(table.root, root | (1n << 62n));
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', writable: false });
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(leaf()).toBe(S1_CLEAN | BigInt(PA));
  });

  it('is not done for a privilege that may not write', () => {
    const privileged = without(S1_CLEAN, 1n << 6n);
    const { machine, leaf } = stage1Only(privileged, { HA: 1n, HD: 1n });
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(leaf()).toBe(privileged | BigInt(PA));
    expect(machine.write(0, VA, { privileged: true }).kind).toBe('ok');
    expect(leaf() & AP_READ_ONLY).toBe(0n);
  });

  it('counts a clean leaf as writable for WXN', () => {
    const { machine } = stage1Only(S1_CLEAN, { HA: 1n, HD: 1n, WXN: 1n });
    expect(machine.read(0, VA, { instruction: true }).kind).toBe('abort');
  });
});

describe('updates of stage 2', () => {
  it('S2HA=1 sets AF, S2HD=1 makes a clean leaf dirty on a write alone', () => {
    const { machine, leaf } = stage2Only(without(S2_CLEAN, AF), { S2HA: 1n, S2HD: 1n });
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', writable: true });
    expect(leaf()).toBe(S2_CLEAN | BigInt(PA));
    expect(machine.write(0, VA).kind).toBe('ok');
    expect(leaf()).toBe(S2_CLEAN | S2AP_WRITE | BigInt(PA));
  });

  it('S2HD=1 without S2HA is reserved and updates nothing', () => {
    const { machine, leaf } = stage2Only(S2_CLEAN, { S2HD: 1n });
    expect(machine.write(0, VA).kind).toBe('abort');
    expect(leaf()).toBe(S2_CLEAN | BigInt(PA));
  });

  it('set AF for the fetch of a CD and for the stage-1 walk', () => {
    const { machine, stage2, cd, va, holder, remapTable } = nested({}, { S2HA: 1n });
    const cdEntry = machine.map(stage2, cd, cd, without(S2_PAGE, AF));
    const tableEntry = remapTable(without(S2_PAGE, AF));
    expect(machine.read(0, va).kind).toBe('ok');
    expect(machine.memory.read64(cdEntry)).toBe(S2_PAGE | BigInt(cd));
    expect(machine.memory.read64(tableEntry)).toBe(S2_PAGE | BigInt(holder));
  });

  it('never make the page of a CD dirty', () => {
    const { machine, stage2, cd, va } = nested({}, { S2HA: 1n, S2HD: 1n });
    const cdEntry = machine.map(stage2, cd, cd, S2_CLEAN);
    expect(machine.write(0, va).kind).toBe('ok');
    expect(machine.memory.read64(cdEntry)).toBe(S2_CLEAN | BigInt(cd));
  });

  it('make both leaves of a nested write dirty, from a TLB entry that a read left too', () => {
    const built = nested({ HA: 1n, HD: 1n }, { S2HA: 1n, S2HD: 1n });
    const { machine, stage1, stage2, va, ipa, pa, s1Entry, s2Entry } = built;
    machine.map(stage1, va, ipa, S1_CLEAN);
    machine.map(stage2, ipa, pa, S2_CLEAN);
    expect(machine.read(0, va)).toMatchObject({ kind: 'ok', pa, writable: true });
    expect(machine.memory.read64(s2Entry)).toBe(S2_CLEAN | BigInt(pa));
    expect(machine.write(0, va)).toMatchObject({ kind: 'ok', pa });
    expect(machine.memory.read64(s1Entry) & AP_READ_ONLY).toBe(0n);
    expect(machine.memory.read64(s2Entry)).toBe(S2_CLEAN | S2AP_WRITE | BigInt(pa));
  });
});

describe('updates of stage 1 through stage 2', () => {
  it('make the page of the table dirty', () => {
    const built = nested({ HA: 1n, HD: 1n }, { S2HA: 1n, S2HD: 1n });
    const tableEntry = built.remapTable(S2_CLEAN);
    built.machine.map(built.stage1, built.va, built.ipa, S1_CLEAN);
    expect(built.machine.write(0, built.va).kind).toBe('ok');
    const holder = BigInt(built.holder);
    expect(built.machine.memory.read64(tableEntry)).toBe(S2_CLEAN | S2AP_WRITE | holder);
  });

  it('fault as a write of CLASS TT where stage 2 makes the table read-only', () => {
    const { machine, stage1, va, ipa, s1Entry, remapTable } = nested({ HA: 1n }, {});
    remapTable(without(S2_PAGE, S2_RW) | S2_RO);
    machine.map(stage1, va, ipa, without(S1_PAGE, AF));
    const outcome = machine.read(0, va);
    const view = EVENTS.F_PERMISSION.layout;
    const event = 'event' in outcome ? outcome.event! : [];
    expect(view.get(event, 'S2')).toBe(1n);
    expect(view.get(event, 'CLASS')).toBe(EVENT_CLASS.TT);
    expect(view.get(event, 'TTRnW')).toBe(0n);
    expect(view.get(event, 'RnW')).toBe(1n);
    expect(view.get(event, 'IPA')).toBe(BigInt(s1Entry - (s1Entry % 4096)));
    expect(machine.memory.read64(s1Entry) & AF).toBe(0n);
  });

  it('need no write where nothing is to be updated', () => {
    const { machine, va, remapTable } = nested({ HA: 1n, HD: 1n }, {});
    remapTable(without(S2_PAGE, S2_RW) | S2_RO);
    expect(machine.write(0, va).kind).toBe('ok');
  });
});

describe('legality of HA and HD', () => {
  it.each([
    [0, { HA: 1n }, 'abort'],
    [0, { HD: 1n }, 'abort'],
    [1, { HA: 1n }, 'ok'],
    [1, { HA: 1n, HD: 1n }, 'abort'],
    [2, { HA: 1n, HD: 1n }, 'ok'],
  ] as const)('with IDR0.HTTU=%i, %p gives %s', (httu, cd, kind) => {
    expect(
      stage1Only(S1_PAGE, cd, withIdr0(NESTED_IDR[0] | (httu << 6))).machine.read(0, VA).kind,
    ).toBe(kind);
  });
});

function swapped(value: bigint): bigint {
  let result = 0n;
  for (let byte = 0n; byte < 8n; byte++) {
    result |= ((value >> (8n * byte)) & 0xffn) << (56n - 8n * byte);
  }
  return result;
}
