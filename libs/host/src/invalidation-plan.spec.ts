import fc from 'fast-check';
import { COMMANDS } from '@steward/smmu';
import { atcFlushPlan, invalidationPlan, tagFlushPlan } from './invalidation-plan';
import { merge, type InvalidationTarget } from './invalidation-array';
import { line } from './__fixtures__/recorded';
import type { FlushRequest } from './page-table';
import type { Issue } from './issue';

const target = (
  type: InvalidationTarget['type'],
  id: number,
  more: { smmu?: string; ssid?: number } = {},
): InvalidationTarget => ({ smmu: 'smmu0', ssid: 0, ...more, type, id });
const PARENT = [target('S2_VMID', 1), target('S2_VMID_S1_CLEAR', 1)];
const PAGE: FlushRequest = { iova: 0x8000_0000, size: 0x1000, granule: 0x1000, leaf: true };
const ril = (rangeInvalidation: boolean) => () => ({
  rangeInvalidation,
  longRange: 'whole' as const,
});
const names = (plan: readonly Issue[]): string => plan.map((issue) => issue.name).join(' ');

describe('the invalidation plan', () => {
  it('is empty for a domain nobody uses', () => {
    expect(invalidationPlan([], PAGE, ril(true))).toEqual([]);
  });

  it('tells a nest parent’s change at both stages, stage 2 first', () => {
    const plan = invalidationPlan(merge([], PARENT), PAGE, ril(true));
    expect(plan.map((issue) => line(issue.words))).toEqual([
      '000000010000002a 0000000080000701',
      '000000000fc02046 0000000000000000',
      '0000000100000010 0000000000000000',
      '000000000fc02046 0000000000000000',
    ]);
  });

  it('tells devices’ ATCs last, behind their own CMD_SYNC', () => {
    const array = merge(merge([], PARENT), [target('ATS_FULL', 0x100), target('ATS_FULL', 0x200)]);
    expect(names(invalidationPlan(array, PAGE, ril(true)))).toBe(
      'TLBI_S2_IPA SYNC TLBI_NH_ALL SYNC ATC_INV ATC_INV SYNC',
    );
  });

  it('tells a whole VMID once where single commands would be too many', () => {
    const request = { ...PAGE, size: 0x20_0000 };
    const array = merge(merge([], PARENT), [target('ATS_FULL', 0x100)]);
    expect(names(invalidationPlan(array, request, ril(false)))).toBe(
      'TLBI_S12_VMALL SYNC ATC_INV SYNC',
    );
    expect(names(invalidationPlan(array, { ...request, granule: 0x20_0000 }, ril(false)))).toBe(
      'TLBI_S2_IPA SYNC TLBI_NH_ALL SYNC ATC_INV SYNC',
    );
  });

  it('tells each SMMU in its own queue', () => {
    const array = merge(merge([], PARENT), [target('S2_VMID', 7, { smmu: 'smmu1' })]);
    const plan = invalidationPlan(array, PAGE, ril(true));
    expect(plan.map((issue) => issue.smmu)).toEqual([
      ...['smmu0', 'smmu0', 'smmu0', 'smmu0'],
      ...['smmu1', 'smmu1'],
    ]);
    expect(plan.at(-1)?.name).toBe('SYNC');
  });

  it('names the exact range to an ATC of a domain that is not nested upon', () => {
    const array = merge([], [target('ATS', 0x100), target('ATS', 0x100, { ssid: 3 })]);
    const request = { ...PAGE, iova: 0x8000_7000, size: 0x2000 };
    expect(invalidationPlan(array, request, ril(true)).map((issue) => line(issue.words))).toEqual([
      '0000010000000040 0000000080000004',
      '0000010000003840 0000000080000004',
      '000000000fc02046 0000000000000000',
    ]);
  });

  const ranges = fc.record({
    iova: fc.nat({ max: 2 ** 30 }).map((page) => page * 4096),
    size: fc.integer({ min: 1, max: 2 ** 22 }).map((pages) => pages * 4096),
    granule: fc.constant(4096),
    leaf: fc.boolean(),
  });

  it('covers exactly the pages asked for, or one more after a table', () => {
    fc.assert(
      fc.property(ranges, (request) => {
        const plan = invalidationPlan(merge([], [PARENT[0]!]), request, ril(true));
        const { layout } = COMMANDS.TLBI_S2_IPA;
        let next = request.iova;
        for (const { words } of plan.filter((issue) => issue.name === 'TLBI_S2_IPA')) {
          expect(Number(layout.get(words, 'Address'))).toBe(next);
          const [num, scale] = [layout.get(words, 'NUM'), layout.get(words, 'SCALE')];
          expect(num + scale + layout.get(words, 'TTL')).not.toBe(0n);
          next += (Number(num) + 1) * 2 ** Number(scale) * 4096;
        }
        const beyond = next - (request.iova + request.size);
        expect(request.leaf ? [0] : [0, 4096]).toContain(beyond);
      }),
    );
  });
});

describe('what an attachment leaves to flush', () => {
  it('is the VMID at every stage, or the ASID', () => {
    expect(names(tagFlushPlan(target('S2_VMID', 4)))).toBe('TLBI_S12_VMALL SYNC');
    expect(names(tagFlushPlan(target('S1_ASID', 4)))).toBe('TLBI_NH_ASID SYNC');
    expect(tagFlushPlan(target('ATS', 4))).toEqual([]);
  });

  it('is the ATC of every stream', () => {
    expect(atcFlushPlan('smmu0', [0x100]).map((issue) => line(issue.words))).toEqual([
      '0000010000000040 0000000000000034',
      '000000000fc02046 0000000000000000',
    ]);
    expect(atcFlushPlan('smmu0', [])).toEqual([]);
  });
});
