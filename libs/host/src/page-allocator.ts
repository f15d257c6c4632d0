import type { PhysicalMemory } from '@steward/smmu';

/** Size in bytes of the kernel's page, and of the smallest allocation. */
export const PAGE_SIZE = 4096;

/** A range of physical addresses: first byte and length in bytes. */
export interface MemoryRegion {
  readonly base: number;
  readonly size: number;
}

/**
 * The kernel's page allocator over one region of physical memory.
 *
 * Deterministic: an allocation takes the lowest free address that fits and is naturally aligned, so the same
 * sequence of calls always gives the same addresses. Memory comes zeroed, as `__GFP_ZERO` gives it.
 */
export class PageAllocator {
  /** Free ranges in ascending order, never empty, never adjacent. */
  private readonly free: { base: number; end: number }[];
  private readonly sizes = new Map<number, number>();
  /** Everything at or above was never handed out, so its words are still zero. */
  private highWater: number;

  /** @throws RangeError when the region is not made of whole pages. */
  constructor(
    private readonly memory: PhysicalMemory,
    region: MemoryRegion,
  ) {
    if (region.base % PAGE_SIZE !== 0 || region.size % PAGE_SIZE !== 0 || region.size <= 0) {
      throw new RangeError('the kernel region must be made of whole 4 KiB pages');
    }
    this.free = [{ base: region.base, end: region.base + region.size }];
    this.highWater = region.base;
  }

  /**
   * Allocates at least `bytes` of zeroed memory, aligned to its size rounded up to a power of two of pages.
   * @returns the physical byte address.
   * @throws RangeError when no free range is large enough.
   */
  allocate(bytes: number): number {
    let size = PAGE_SIZE;
    while (size < bytes) size *= 2;
    for (let i = 0; i < this.free.length; i++) {
      const range = this.free[i]!;
      const base = Math.ceil(range.base / size) * size;
      if (base + size > range.end) continue;
      this.carve(i, base, size);
      this.zero(base, size);
      this.sizes.set(base, size);
      return base;
    }
    throw new RangeError(`out of kernel memory: no ${size} contiguous bytes are free`);
  }

  /** Gives back an allocation. @throws RangeError when `base` is not one. */
  release(base: number): void {
    const size = this.sizes.get(base);
    if (size === undefined) throw new RangeError(`0x${base.toString(16)} is not allocated`);
    this.sizes.delete(base);
    this.memory.release(base, size);
    const end = base + size;
    let at = this.free.findIndex((range) => range.base > base);
    if (at < 0) at = this.free.length;
    const before = this.free[at - 1];
    const after = this.free[at];
    const joinsBefore = before?.end === base;
    const joinsAfter = after?.base === end;
    if (joinsBefore && joinsAfter) {
      before!.end = after!.end;
      this.free.splice(at, 1);
    } else if (joinsBefore) before!.end = end;
    else if (joinsAfter) after!.base = base;
    else this.free.splice(at, 0, { base, end });
  }

  /** Bytes currently allocated. */
  allocatedBytes(): number {
    let total = 0;
    for (const size of this.sizes.values()) total += size;
    return total;
  }

  private carve(index: number, base: number, size: number): void {
    const range = this.free[index]!;
    const pieces = [
      { base: range.base, end: base },
      { base: base + size, end: range.end },
    ].filter((piece) => piece.end > piece.base);
    this.free.splice(index, 1, ...pieces);
  }

  private zero(base: number, size: number): void {
    const end = base + size;
    const used = Math.min(end, this.highWater);
    for (let pa = base; pa < used; pa += 8) {
      if (this.memory.readLo(pa) !== 0 || this.memory.readHi(pa) !== 0) {
        this.memory.writeWord(pa, 0, 0);
      }
    }
    this.highWater = Math.max(this.highWater, end);
  }
}
