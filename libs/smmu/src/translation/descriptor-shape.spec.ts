import type { SmmuConfiguration } from '../registers/features';
import { descriptorShape, type DescriptorPlace } from './descriptor-shape';

/** 4K, 16K and 64K granules, 44-bit output. */
const SMMU: SmmuConfiguration = {
  idr: [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74],
  iidr: 0,
  aidr: 1,
};
const shape = (word: bigint, granule: DescriptorPlace['granule'], level: 0 | 1 | 2 | 3) =>
  descriptorShape(word, { granule, level }, SMMU);

describe('a descriptor at its place', () => {
  it('is a table above level 3 and a page there, with the same low bits', () => {
    const table = shape(0x414e5003n, '4k', 1);
    expect(table).toEqual({ kind: 'table', address: 0x414e5000, sizeLog2: 30 });
    const page = shape(0x414e5003n, '4k', 3);
    expect(page).toEqual({ kind: 'page', address: 0x414e5000, sizeLog2: 12 });
  });

  it.each([
    ['4k', 0, 'reserved', 39],
    ['4k', 1, 'block', 30],
    ['4k', 2, 'block', 21],
    ['4k', 3, 'reserved', 12],
    ['16k', 1, 'reserved', 36],
    ['16k', 2, 'block', 25],
    ['64k', 1, 'reserved', 42],
    ['64k', 2, 'block', 29],
  ] as const)('0b01 with %s at level %d is %s', (granule, level, kind, sizeLog2) => {
    expect(shape(0x401n, granule, level)).toMatchObject({ kind, sizeLog2 });
  });

  it('maps a block from its own first byte', () => {
    expect(shape(0x40201401n, '4k', 2)).toMatchObject({ kind: 'block', address: 0x40200000 });
  });

  it('says why a walk stops', () => {
    expect(shape(0n, '4k', 2).illegality).toMatchObject({ about: 'Valid' });
    expect(shape(0x1n, '4k', 3).illegality).toMatchObject({ about: 'Type' });
    expect(shape((1n << 44n) | 3n, '4k', 3).illegality).toMatchObject({ about: 'address' });
    const only4k = { ...SMMU, idr: [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x14] } as const;
    const absent = descriptorShape(3n, { granule: '64k', level: 3 }, only4k);
    expect(absent.illegality).toMatchObject({ about: 'granule' });
  });
});
