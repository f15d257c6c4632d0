import { PhysicalMemory } from '@steward/smmu';
import fc from 'fast-check';
import { PAGE_SIZE, PageAllocator } from './page-allocator';

const REGION = { base: 0x1000_0000, size: 64 * PAGE_SIZE };
const fresh = (): { memory: PhysicalMemory; allocator: PageAllocator } => {
  const memory = new PhysicalMemory([REGION]);
  return { memory, allocator: new PageAllocator(memory, REGION) };
};

describe('the kernel page allocator', () => {
  it('takes the lowest place that is aligned to the size', () => {
    const { allocator } = fresh();
    expect(allocator.allocate(1)).toBe(REGION.base);
    expect(allocator.allocate(4 * PAGE_SIZE)).toBe(REGION.base + 4 * PAGE_SIZE);
    expect(allocator.allocate(PAGE_SIZE)).toBe(REGION.base + PAGE_SIZE);
  });

  it('gives freed memory out again, lowest first and zeroed', () => {
    const { memory, allocator } = fresh();
    const pages = [1, 2, 3].map(() => allocator.allocate(PAGE_SIZE));
    memory.write64(pages[1]! + 8, 0xdeadn);
    allocator.release(pages[1]!);
    allocator.release(pages[0]!);
    expect(allocator.allocate(PAGE_SIZE)).toBe(pages[0]);
    expect(allocator.allocate(PAGE_SIZE)).toBe(pages[1]);
    expect(memory.read64(pages[1]! + 8)).toBe(0n);
  });

  it('refuses what does not fit, and what it did not give', () => {
    const { allocator } = fresh();
    expect(() => allocator.allocate(REGION.size * 2)).toThrow(/out of kernel memory/);
    expect(() => allocator.release(REGION.base)).toThrow(/not allocated/);
    expect(() => new PageAllocator(new PhysicalMemory([REGION]), { base: 1, size: 4096 })).toThrow(
      RangeError,
    );
  });

  it('never overlaps allocations, and is whole again when all are freed', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 * PAGE_SIZE }), { maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat({ max: 11 })), (requests, picks) => {
        const { allocator } = fresh();
        const live: { base: number; size: number }[] = [];
        for (const bytes of requests) {
          const base = allocator.allocate(bytes);
          const size = 2 ** Math.max(12, Math.ceil(Math.log2(bytes)));
          expect(live.every((a) => base + size <= a.base || a.base + a.size <= base)).toBe(true);
          live.push({ base, size });
          const pick = picks.next().value;
          if (pick >= live.length) continue;
          allocator.release(live.splice(pick, 1)[0]!.base);
        }
        for (const { base } of live) allocator.release(base);
        expect(allocator.allocatedBytes()).toBe(0);
        expect(allocator.allocate(REGION.size)).toBe(REGION.base);
      }),
    );
  });
});
