import { UnsupportedSmmu, hardwareIdr, probe, type IdrWords } from './probe';
import { RECORDED_IDR, recordedSmmu } from './__fixtures__/recorded';

const MMU_600 = 0x4830_043b;
const MMU_700 = 0x4870_043b;
const withIdr = (change: Record<number, number>, iidr = 0) => ({
  id: 'smmu0',
  idr: RECORDED_IDR.map((word, i) => change[i] ?? word) as unknown as IdrWords,
  iidr,
  aidr: 1,
});

describe('the probe of an SMMU', () => {
  it('sees the recorded SMMU as the recorded driver does', () => {
    expect(probe(recordedSmmu('A'))).toEqual({
      stage1: true,
      stage2: true,
      nesting: true,
      s2fwb: false,
      ats: false,
      rangeInvalidation: true,
      twoLevelStreamTable: true,
      twoLevelCdTable: false,
      attrTypesOverride: false,
      stalls: false,
      stallForced: false,
      coherent: true,
      forceSync: false,
      asidBits: 16,
      vmidBits: 16,
      sidBits: 16,
      ssidBits: 0,
      commandQueueLog2: 19,
      eventQueueLog2: 19,
      oasBits: 44,
      oas: 4,
      iasBits: 44,
      pageSizes: [0x1000, 0x4000, 0x1_0000, 0x20_0000, 0x200_0000, 0x2000_0000, 0x4000_0000],
    });
  });

  it('takes forced features for the driver, and forced-on ones for the hardware too', () => {
    expect(probe(recordedSmmu('C'))).toMatchObject({
      ats: true,
      rangeInvalidation: false,
      ssidBits: 8,
    });
    const [idr0, idr1, , idr3] = hardwareIdr(recordedSmmu('C'));
    expect(idr0).toBe(RECORDED_IDR[0] | (1 << 10));
    expect(idr1).toBe(RECORDED_IDR[1] | (8 << 6));
    expect(idr3).toBe(RECORDED_IDR[3]);
    expect(hardwareIdr(recordedSmmu('F'))[3]).toBe(RECORDED_IDR[3] | (1 << 8));
    expect(hardwareIdr(recordedSmmu('A'))).toEqual(RECORDED_IDR);
  });

  it.each([
    ['MMU-600 r1', MMU_600 | (1 << 16), false, false],
    ['MMU-600 r2', MMU_600 | (2 << 16), true, false],
    ['MMU-700 r0p1', MMU_700 | (1 << 12), false, true],
    ['MMU-700 r1p0', MMU_700 | (1 << 16), false, true],
    ['MMU-700 r1p1', MMU_700 | (1 << 16) | (1 << 12), true, false],
    ['another implementer', 0x4830_0000, true, false],
  ])('knows the errata of %s', (_, iidr, nesting, forceSync) => {
    expect(probe(withIdr({}, iidr))).toMatchObject({ nesting, forceSync });
  });

  it('does not nest with one stage only', () => {
    expect(probe(withIdr({ 0: RECORDED_IDR[0] & ~1 })).nesting).toBe(false);
    expect(probe(withIdr({ 0: RECORDED_IDR[0] & ~2 })).nesting).toBe(false);
  });

  it('uses a linear stream table for few StreamIDs or without ST_LEVEL', () => {
    const few = probe(withIdr({ 1: (RECORDED_IDR[1] & ~0x3f) | 8 }));
    expect(few.twoLevelStreamTable).toBe(false);
    expect(probe(withIdr({ 0: RECORDED_IDR[0] & ~(3 << 27) })).twoLevelStreamTable).toBe(false);
  });

  it.each([
    ['no translation', { 0: RECORDED_IDR[0] & ~3 }],
    ['no AArch64 tables', { 0: (RECORDED_IDR[0] & ~0xc) | 0x4 }],
    ['big-endian tables', { 0: RECORDED_IDR[0] | (3 << 21) }],
    ['preset queues', { 1: RECORDED_IDR[1] | (1 << 29) }],
    ['a command queue of one batch', { 1: (RECORDED_IDR[1] & ~(0x1f << 21)) | (6 << 21) }],
  ])('refuses %s', (_, change) => {
    expect(() => probe(withIdr(change as Record<number, number>))).toThrow(UnsupportedSmmu);
  });
});
