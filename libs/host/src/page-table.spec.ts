import { PhysicalMemory } from '@steward/smmu';
import fc from 'fast-check';
import { PageAllocator } from './page-allocator';
import { readEntry, stage2Attributes, type PageProtection } from './page-descriptors';
import { levelSize, stage2Geometry, tableIndex } from './stage2-geometry';
import { PageTable, type FlushRequest, type PageMapping } from './page-table';

const REGION = { base: 0x1000_0000, size: 0x100_0000 };
const MIB = 2 ** 20;
const GIB = 2 ** 30;

class Bench {
  readonly memory = new PhysicalMemory([REGION]);
  readonly allocator = new PageAllocator(this.memory, REGION);
  readonly flushes: FlushRequest[] = [];
  readonly geometry;
  readonly table;

  constructor(oas = 4, s2fwb = false) {
    this.geometry = stage2Geometry([32, 36, 40, 42, 44, 48][oas]!, oas);
    const { memory, allocator, geometry } = this;
    const flush = (request: FlushRequest): number => this.flushes.push(request);
    const attributes = (protection: PageProtection): bigint => stage2Attributes(protection, s2fwb);
    this.table = new PageTable({ memory, allocator, geometry, owner: { attributes, flush } });
  }

  map(iova: number, pa: number, length: number, more: Partial<PageMapping> = {}): void {
    this.table.map({ iova, pa, length, read: true, write: true, mmio: false, ...more });
  }

  /** Walks the descriptors as hardware does: the leaf's word and level, and the PA, or undefined. */
  walk(iova: number): { word: bigint; level: number; pa: number } | undefined {
    let table = this.table.root;
    for (let level = this.geometry.startLevel; level <= 3; level++) {
      const at = table + 8 * tableIndex(iova, level, this.geometry.startLevel);
      const entry = readEntry(this.memory, at, level);
      if (entry.kind === 'empty') return undefined;
      if (entry.kind === 'table') {
        table = entry.address;
        continue;
      }
      const word = this.memory.read64(at);
      const size = levelSize(level);
      const output = Number(word & 0xffff_ffff_f000n);
      return { word, level, pa: output + (iova % size) };
    }
    return undefined;
  }
}

describe('a stage-2 table', () => {
  it('holds the descriptors that Linux writes', () => {
    const bench = new Bench();
    bench.map(0x4000_0000, 0x8000_0000, 0x1000);
    bench.map(0x4000_1000, 0x8000_1000, 0x1000, { write: false });
    bench.map(0x0800_0000, 0x0809_0000, 0x1000, { mmio: true });
    // Normal write-back, inner shareable, AF, read and write; read only; Device-nGnRE, outer shareable.
    expect(bench.walk(0x4000_0000)?.word).toBe(0x8000_07ffn);
    expect(bench.walk(0x4000_1000)?.word).toBe(0x8000_177fn);
    expect(bench.walk(0x0800_0000)?.word).toBe(0x0809_06c7n);
  });

  it('uses the forced write-back attributes when the SMMU has them', () => {
    const bench = new Bench(4, true);
    bench.map(0x4000_0000, 0x8000_0000, 0x1000);
    bench.map(0x0800_0000, 0x0809_0000, 0x1000, { mmio: true });
    expect(bench.walk(0x4000_0000)?.word).toBe(0x8000_07dbn);
    expect(bench.walk(0x0800_0000)?.word).toBe(0x0809_06c7n);
  });

  it('uses the largest block that both addresses allow', () => {
    const bench = new Bench();
    bench.map(GIB, 2 * GIB, 2 * GIB + 2 * MIB + 0x1000);
    expect(bench.walk(GIB)?.level).toBe(1);
    expect(bench.walk(3 * GIB)?.level).toBe(2);
    expect(bench.walk(3 * GIB + 2 * MIB)).toMatchObject({ level: 3, pa: 4 * GIB + 2 * MIB });
    bench.map(8 * GIB, 2 * GIB + 0x1000, 4 * MIB);
    expect(bench.walk(8 * GIB + 2 * MIB)?.level).toBe(3);
  });

  it('keeps output addresses above 4 GiB whole', () => {
    const bench = new Bench();
    bench.map(0x1000, 0xabc_def0_1000, 0x1000);
    expect(bench.walk(0x1234)?.pa).toBe(0xabc_def0_1234);
  });

  it('reaches every concatenated start table', () => {
    const bench = new Bench(2);
    bench.map(600 * GIB, 0x1000, 0x1000);
    expect(bench.walk(600 * GIB)?.pa).toBe(0x1000);
    expect(bench.walk(88 * GIB)).toBeUndefined();
  });

  it('unlinks a table, flushes the walks through it, and only then flushes its leaves', () => {
    const bench = new Bench();
    for (let i = 0; i < 512; i++) bench.map(2 * MIB + i * 0x1000, 0x10_0000 + i * 0x2000, 0x1000);
    bench.table.unmap({ iova: 2 * MIB, length: 2 * MIB });
    const size = 2 * MIB;
    expect(bench.flushes).toEqual([
      { iova: 2 * MIB, size, granule: 0x1000, leaf: false },
      { iova: 2 * MIB, size, granule: 2 * MIB, leaf: true },
    ]);
  });

  it('flushes blocks and pages apart, neighbours of one size together', () => {
    const bench = new Bench();
    bench.map(2 * MIB, 2 * MIB, 4 * MIB + 0x3000);
    bench.table.unmap({ iova: 2 * MIB, length: 4 * MIB + 0x3000 });
    expect(bench.flushes).toEqual([
      { iova: 2 * MIB, size: 4 * MIB, granule: 2 * MIB, leaf: true },
      { iova: 6 * MIB, size: 0x3000, granule: 0x1000, leaf: true },
    ]);
  });

  it('puts a block in the place of a table that page-sized unmaps left empty', () => {
    const bench = new Bench();
    bench.map(2 * MIB, 0x5000, 0x1000);
    bench.table.unmap({ iova: 2 * MIB, length: 0x1000 });
    const before = bench.allocator.allocatedBytes();
    bench.flushes.length = 0;
    bench.map(2 * MIB, 4 * MIB, 2 * MIB);
    expect(bench.flushes).toEqual([{ iova: 2 * MIB, size: 2 * MIB, granule: 0x1000, leaf: false }]);
    expect(bench.walk(2 * MIB)?.level).toBe(2);
    expect(bench.allocator.allocatedBytes()).toBe(before - 0x1000);
  });

  it('refuses to map twice, to unmap nothing, to cut a block, and to leave the IPA space', () => {
    const bench = new Bench();
    bench.map(2 * MIB, 2 * MIB, 2 * MIB);
    expect(() => bench.map(2 * MIB, 0, 0x1000)).toThrow(/mapped already/);
    expect(() => bench.map(2 * MIB, 0, 2 * MIB)).toThrow(/mapped already/);
    bench.map(GIB + 0x5000, 0, 0x1000);
    expect(() => bench.map(GIB, 0, GIB)).toThrow(/mapped already/);
    expect(() => bench.table.unmap({ iova: 0, length: 0x1000 })).toThrow(/not mapped/);
    expect(() => bench.table.unmap({ iova: 2 * MIB, length: 0x1000 })).toThrow(/larger block/);
    expect(() => bench.map(2 ** 44 - 0x1000, 0, 0x2000)).toThrow(/input address space/);
    expect(() => bench.map(0x800, 0, 0x1000)).toThrow(/page/);
  });

  const areas = fc.uniqueArray(
    fc.record({
      slot: fc.nat({ max: 7 }),
      pages: fc.integer({ min: 1, max: 1024 }),
      offset: fc.nat({ max: 3 }).map((n) => n * 0x1000),
      pa: fc.nat({ max: 2 ** 20 }).map((n) => n * 0x1000),
    }),
    { selector: (area) => area.slot, maxLength: 5 },
  );

  it('translates what is mapped, nothing else, and gives every page back', () => {
    fc.assert(
      fc.property(areas, fc.nat({ max: 1024 * 4096 }), (list, probe) => {
        const bench = new Bench();
        const empty = bench.allocator.allocatedBytes();
        const placed = list.map((area) => ({
          iova: area.slot * 8 * MIB + area.offset,
          length: area.pages * 0x1000,
          pa: area.pa,
        }));
        for (const { iova, pa, length } of placed) bench.map(iova, pa, length);
        const expectAt = (area: (typeof placed)[number], mapped: boolean): void => {
          const offset = probe % area.length;
          const pa = bench.walk(area.iova + offset)?.pa;
          expect(pa).toBe(mapped ? area.pa + offset : undefined);
          expect(bench.walk(area.iova + area.length)).toBeUndefined();
        };
        for (const area of placed) expectAt(area, true);
        for (const [i, area] of placed.entries()) {
          bench.table.unmap({ iova: area.iova, length: area.length });
          expectAt(area, false);
          for (const other of placed.slice(i + 1)) expectAt(other, true);
        }
        bench.table.free();
        expect(bench.allocator.allocatedBytes()).toBeLessThan(empty);
        expect(bench.allocator.allocatedBytes()).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
