import {
  AP_RW,
  Machine,
  NESTED_IDR,
  nestedMachine,
  S1_PAGE,
  S2_PAGE,
} from './__fixtures__/machine';
import { REGISTERS } from './formats/registers';

const VA = 0x1234_5000;
const PA = 0x5000_0000;
const ISH = 3n << 8n;
const WITHOUT_MEMATTR = ~(0xfn << 2n);
/** IDR1.ATTR_TYPES_OVR, IDR3.FWB. */
const OVERRIDES_IDR = [
  NESTED_IDR[0],
  NESTED_IDR[1] | (1 << 27),
  0,
  NESTED_IDR[3] | (1 << 8),
  0,
  NESTED_IDR[5],
] as const;
/** AttrIndx 0 Normal WB, 1 Normal Non-cacheable, 2 Device-nGnRE, 4 Normal WT. */
const MAIR = { MAIR0: 0x00_04_44_ffn, MAIR1: 0xbbn };

const attrIndx = (index: bigint): bigint => index << 2n;
const memAttr = (encoding: bigint): bigint => (S2_PAGE & WITHOUT_MEMATTR) | (encoding << 2n);

function attributes(machine: Machine, address = VA): unknown {
  const outcome = machine.read(0, address);
  return outcome.kind === 'ok' ? outcome.attributes : outcome;
}

/** A nested stream with these leaves and STE fields. */
function nested(s1Leaf: bigint, s2Leaf: bigint, ste: Record<string, bigint> = {}): Machine {
  const built = nestedMachine({ idr: OVERRIDES_IDR });
  const { machine, stage1, stage2, cd, va, ipa, pa } = built;
  machine.writeCd(cd, { TTB0: BigInt(stage1.root), ASID: 1n, ...MAIR });
  machine.map(stage1, va, ipa, s1Leaf);
  machine.map(stage2, ipa, pa, s2Leaf);
  const common = { Config: 7n, S1ContextPtr: BigInt(cd), ...machine.stage2(stage2, 1n) };
  machine.writeSte(0, { ...common, ...ste });
  return machine;
}

/** A stream without stage 1: bypass, or stage 2 with this leaf. */
function withoutStage1(ste: Record<string, bigint>, s2Leaf?: bigint): Machine {
  const machine = new Machine(OVERRIDES_IDR);
  if (s2Leaf === undefined) {
    machine.writeSte(0, { Config: 4n, SHCFG: 1n, ...ste });
    return machine;
  }
  const table = machine.table();
  machine.map(table, VA, PA, s2Leaf);
  machine.writeSte(0, { Config: 6n, SHCFG: 1n, ...machine.stage2(table, 1n), ...ste });
  return machine;
}

describe('attributes of stage 1 and stage 2', () => {
  it.each([
    ['Normal WB under WB', attrIndx(0n) | ISH, 15n, 0xff, 3],
    ['Normal NC under WB', attrIndx(1n) | ISH, 15n, 0x44, 2],
    ['Device under WB', attrIndx(2n) | ISH, 15n, 0x04, 2],
    ['Normal WB under Device', attrIndx(0n) | ISH, 1n, 0x04, 2],
    ['WT of MAIR1 under WB', attrIndx(4n) | ISH, 15n, 0xbb, 3],
    ['Normal WB under NC', attrIndx(0n), 5n, 0x44, 2],
  ])('%s', (_name, s1, s2, attr, shareability) => {
    const machine = nested(S1_PAGE | s1, memAttr(s2));
    const expected = { attr, shareability };
    expect(attributes(machine)).toEqual(expected);
    // The same from the TLB.
    expect(attributes(machine)).toEqual(expected);
    expect(machine.smmu.cachedEntries().nested).toBe(1);
  });

  it.each([
    ['WB forced on NC', attrIndx(1n), 6n, 0xff, 2],
    ['WB forced on WB', attrIndx(0n) | ISH, 6n, 0xff, 3],
    ['stage 1 kept', attrIndx(1n), 7n, 0x44, 2],
    ['NC forced on WB', attrIndx(0n), 5n, 0x44, 2],
  ])('S2FWB: %s', (_name, s1, s2, attr, shareability) => {
    const machine = nested(S1_PAGE | s1, memAttr(s2), { S2FWB: 1n });
    expect(attributes(machine)).toEqual({ attr, shareability });
  });

  it('are the same frozen object for every transaction that has them', () => {
    const machine = nested(S1_PAGE | ISH, memAttr(15n));
    const first = attributes(machine);
    expect(attributes(machine)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
  });
});

describe('overrides of the input', () => {
  it.each([
    ['none: the defaults', {}, 0xff, 0],
    ['MTCFG', { MTCFG: 1n, MemAttr: 5n }, 0x44, 2],
    ['MTCFG to a reserved type', { MTCFG: 1n, MemAttr: 4n }, 0x00, 2],
    ['SHCFG', { SHCFG: 3n }, 0xff, 3],
    ['SHCFG on Device', { MTCFG: 1n, MemAttr: 1n, SHCFG: 3n }, 0x04, 2],
    ['ALLOCCFG: reads allocate, transient', { ALLOCCFG: 0b1101n }, 0x66, 0],
    ['ALLOCCFG: no allocation is non-transient', { ALLOCCFG: 0b1001n }, 0xcc, 0],
    ['MemAttr without MTCFG', { MemAttr: 5n }, 0xff, 0],
  ])('in a bypass stream: %s', (_name, ste, attr, shareability) => {
    expect(attributes(withoutStage1(ste), PA)).toEqual({ attr, shareability });
  });

  it('are what stage 2 combines with where stage 1 does not translate', () => {
    const machine = withoutStage1({ MTCFG: 1n, MemAttr: 10n, SHCFG: 3n }, memAttr(15n));
    expect(attributes(machine)).toEqual({ attr: 0xbb, shareability: 3 });
    expect(attributes(machine)).toEqual({ attr: 0xbb, shareability: 3 });
    expect(attributes(withoutStage1({}, memAttr(15n) | ISH))).toEqual({
      attr: 0xff,
      shareability: 3,
    });
  });

  it.each([
    [6n, 0xff, 3],
    [5n, 0x44, 2],
    [7n, 0xff, 3],
    [1n, 0x04, 2],
  ])('S2FWB orders the type where stage 1 does not translate: MemAttr %i', (code, attr, sh) => {
    const machine = withoutStage1({ S2FWB: 1n }, memAttr(code) | ISH);
    expect(attributes(machine)).toEqual({ attr, shareability: sh });
  });

  it('leave stage 1 its type and shareability, and combine their hints with its', () => {
    const ste = { MTCFG: 1n, MemAttr: 15n, SHCFG: 2n, ALLOCCFG: 0b1100n };
    const machine = nested(S1_PAGE | ISH | AP_RW, memAttr(15n), ste);
    expect(attributes(machine)).toEqual({ attr: 0xee, shareability: 3 });
  });

  it('are RES0 without IDR1.ATTR_TYPES_OVR', () => {
    const machine = new Machine(NESTED_IDR);
    machine.writeSte(0, { Config: 4n, MTCFG: 1n, MemAttr: 1n, SHCFG: 2n, ALLOCCFG: 8n });
    expect(attributes(machine, PA)).toEqual({ attr: 0xff, shareability: 0 });
  });

  it('are those of GBPA while the SMMU is disabled', () => {
    const machine = new Machine(OVERRIDES_IDR);
    machine.smmu.writeRegister('CR0', 0n);
    const values = { MTCFG: 1n, MemAttr: 15n, SHCFG: 3n, ALLOCCFG: 0b1010n, UPDATE: 1n };
    machine.smmu.writeRegister('GBPA', REGISTERS.GBPA.layout.encode(values)[0]!);
    expect(attributes(machine, PA)).toEqual({ attr: 0xdd, shareability: 3 });
  });
});
