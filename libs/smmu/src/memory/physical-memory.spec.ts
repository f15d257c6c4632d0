import fc from 'fast-check';
import { PhysicalMemory } from './physical-memory';

const REGIONS = [
  { base: 0x1000, size: 0x2000 },
  { base: 0x40_0000_0000, size: 0x10_0000 },
];

describe('physical memory', () => {
  it('is like a map of words, visited in ascending order', () => {
    const address = fc.oneof(
      fc.integer({ min: 0, max: 0x3ff }).map((n) => 0x1000 + n * 8),
      fc.integer({ min: 0, max: 0x1_ffff }).map((n) => 0x40_0000_0000 + n * 8),
    );
    const value = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.array(fc.tuple(address, value)), (writes) => {
        const memory = new PhysicalMemory(REGIONS);
        const model = new Map<number, bigint>();
        for (const [pa, word] of writes) {
          memory.write64(pa, word);
          model.set(pa, word);
        }
        for (const [pa, word] of model) {
          expect(memory.read64(pa)).toBe(word);
          expect(BigInt(memory.readLo(pa))).toBe(word & 0xffff_ffffn);
          expect(BigInt(memory.readHi(pa))).toBe(word >> 32n);
        }
        const visited: [number, bigint][] = [];
        memory.forEachWord((pa, word) => visited.push([pa, word]));
        const expected = [...model].filter(([, word]) => word !== 0n).sort(([a], [b]) => a - b);
        expect(visited).toEqual(expected);
      }),
    );
  });

  it('reads zero where nothing was written', () => {
    const memory = new PhysicalMemory(REGIONS);
    const word = { lo: 1, hi: 1 };
    memory.load(0x2ff8, word);
    expect(word).toEqual({ lo: 0, hi: 0 });
    expect(memory.read64(0x1000)).toBe(0n);
  });

  it('answers in its regions and nowhere else', () => {
    const memory = new PhysicalMemory(REGIONS);
    const edges = [0xfff, 0x1000, 0x2fff, 0x3000, 0x3f_ffff_ffff, 0x40_0000_0000, 0x40_0010_0000];
    expect(edges.map((pa) => memory.backed(pa))).toEqual([
      false,
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(() => memory.read64(0x3000)).toThrow(RangeError);
    expect(() => memory.write64(0, 1n)).toThrow(RangeError);
    memory.addRegion({ base: 0x3000, size: 0x1000 });
    expect(memory.read64(0x3000)).toBe(0n);
  });

  it('refuses misaligned accesses', () => {
    const memory = new PhysicalMemory(REGIONS);
    expect(() => memory.read64(0x1004)).toThrow(RangeError);
    expect(() => memory.write64(0x1001, 0n)).toThrow(RangeError);
  });

  it('may reach up to 52 bits', () => {
    const memory = new PhysicalMemory([{ base: 2 ** 52 - 4096, size: 4096 }]);
    memory.write64(2 ** 52 - 8, 5n);
    expect(memory.read64(2 ** 52 - 8)).toBe(5n);
  });

  it('refuses regions that are misaligned, empty or overlap', () => {
    const refused = [
      { base: 0x1800, size: 0x1000 },
      { base: 0x8000, size: 0 },
      { base: 0x2000, size: 0x1000 },
      { base: 0, size: 0x2000 },
      { base: 2 ** 52, size: 0x1000 },
    ];
    for (const region of refused) {
      expect(() => new PhysicalMemory(REGIONS).addRegion(region)).toThrow(RangeError);
    }
  });

  it('keeps words apart across many chunks', () => {
    const memory = new PhysicalMemory([{ base: 0, size: 0x1000_0000 }]);
    for (let n = 0; n < 20_000; n++) memory.writeWord(n * 4096, n + 1, n);
    for (let n = 0; n < 20_000; n += 997) {
      expect([memory.readLo(n * 4096), memory.readHi(n * 4096)]).toEqual([n + 1, n]);
    }
  });
});
