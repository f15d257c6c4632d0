import fc from 'fast-check';
import { leafRun, levelSize, stage2Geometry, tableIndex } from './stage2-geometry';

describe('the shape of a stage-2 table', () => {
  it.each([
    // Input bits, OAS encoding, start level, tables at the start level, S2SL0.
    [32, 0, 1, 4 / 512, 1],
    [36, 1, 1, 64 / 512, 1],
    [40, 2, 1, 2, 1],
    [42, 3, 1, 8, 1],
    [44, 4, 0, 32 / 512, 2],
    [48, 5, 0, 1, 2],
  ])(
    'for %i bits and OAS %i starts at level %i with %d tables',
    (bits, oas, level, tables, sl0) => {
      expect(stage2Geometry(bits, oas)).toEqual({
        inputSize: bits,
        startLevel: level,
        rootBytes: tables * 4096,
        t0sz: 64 - bits,
        sl0,
        ps: oas,
      });
    },
  );

  it('is cut to 48 bits, as 52 would need another descriptor format', () => {
    expect(stage2Geometry(52, 6)).toMatchObject({ inputSize: 48, t0sz: 16, ps: 5 });
  });

  it('finds concatenated start tables behind each other', () => {
    expect(tableIndex(levelSize(1) * 1000, 1, 1)).toBe(1000);
    expect(tableIndex(levelSize(1) * 1000, 1, 0)).toBe(1000 % 512);
  });
});

describe('a run of leaves', () => {
  const page = fc.nat({ max: 2 ** 20 }).map((n) => n * 4096);

  it('stays inside what is left and is aligned at both ends', () => {
    fc.assert(
      fc.property(page, page, fc.integer({ min: 1, max: 2 ** 20 }), (input, output, pages) => {
        const left = pages * 4096;
        const { size, count } = leafRun({ input, output, left });
        expect(size * count).toBeLessThanOrEqual(left);
        expect(count).toBeGreaterThan(0);
        expect([input % size, output % size]).toEqual([0, 0]);
      }),
    );
  });

  it('stops where a larger leaf fits', () => {
    const mib = 2 ** 20;
    expect(leafRun({ input: mib, output: mib, left: 5 * mib })).toEqual({ size: 4096, count: 256 });
    expect(leafRun({ input: 2 * mib, output: 4 * mib, left: 5 * mib })).toEqual({
      size: 2 * mib,
      count: 2,
    });
    expect(leafRun({ input: mib, output: 0x1000, left: 5 * mib })).toEqual({
      size: 4096,
      count: 1280,
    });
  });

  it('refuses what is not made of pages', () => {
    expect(() => leafRun({ input: 0x800, output: 0, left: 4096 })).toThrow(RangeError);
    expect(() => leafRun({ input: 0, output: 0, left: 100 })).toThrow(RangeError);
  });
});
