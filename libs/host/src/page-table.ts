import type { PhysicalMemory } from '@steward/smmu';
import type { PageAllocator } from './page-allocator';
import {
  GRANULE,
  leafLevel,
  leafRun,
  levelSize,
  tableIndex,
  type LeafRun,
  type TableGeometry,
} from './stage2-geometry';
import {
  readEntry,
  writeLeaf,
  writeNothing,
  writeTable,
  type PageProtection,
} from './page-descriptors';

/** A range to map: byte addresses and length, all multiples of 4 KiB. */
export interface PageMapping extends PageProtection {
  /** Input address: an IPA at stage 2. */
  readonly iova: number;
  readonly length: number;
  readonly pa: number;
}

/** An invalidation the table needs, in the terms of `struct iommu_flush_ops` and `iommu_iotlb_gather`. */
export interface FlushRequest {
  readonly iova: number;
  readonly size: number;
  /** Bytes of the entries that went away: their stride, and the hint for TTL. */
  readonly granule: number;
  /** False when a table went away, so walk caches must go too. */
  readonly leaf: boolean;
}

/** Whose table it is. */
export interface PageTableOwner {
  /** Descriptor bits of a mapping besides its address and size, by the stage's format. */
  attributes(protection: PageProtection): bigint;
  /** Invalidates what the change asks for. */
  flush(request: FlushRequest): void;
}

interface Gather {
  start: number;
  end: number;
  granule: number;
}

/**
 * A VMSAv8-64 table of either stage in physical memory, built and taken apart as Linux's io-pgtable-arm does it
 * (`ARM_64_LPAE_S1`, `ARM_64_LPAE_S2`, driven by `iommu_map` and `iommu_unmap`).
 *
 * Each flush is requested at the moment the kernel would issue it: a table is unlinked, flushed, and only then freed.
 */
export class PageTable {
  /** Physical address of the start-level table: CD.TTB0 or STE.S2TTB. */
  readonly root: number;

  constructor(
    private readonly options: {
      readonly memory: PhysicalMemory;
      readonly allocator: PageAllocator;
      readonly geometry: TableGeometry;
      readonly owner: PageTableOwner;
    },
  ) {
    this.root = options.allocator.allocate(options.geometry.rootBytes);
  }

  /**
   * Maps with the largest blocks that alignment allows.
   * @throws RangeError when the range is empty, misaligned or outside the IPA space, or part of it is mapped already.
   */
  map(mapping: PageMapping): void {
    this.checkRange(mapping.iova, mapping.length);
    const attributes = this.options.owner.attributes(mapping);
    let done = 0;
    while (done < mapping.length) {
      const iova = mapping.iova + done;
      const pa = mapping.pa + done;
      const { size, count } = leafRun({ input: iova, output: pa, left: mapping.length - done });
      done += size * this.mapRun({ size, count }, { iova, pa, attributes });
    }
  }

  /**
   * Unmaps a range that is mapped as a whole. Whole blocks go with one descriptor, tables below them are freed.
   * @throws RangeError when part of the range is not mapped, or an end lies inside a block: since Linux 6.14
   * io-pgtable-arm splits no block, and iommufd never asks for it.
   */
  unmap(range: { readonly iova: number; readonly length: number }): void {
    this.checkRange(range.iova, range.length);
    const gather: Gather = { start: 0, end: 0, granule: 0 };
    let done = 0;
    while (done < range.length) {
      const iova = range.iova + done;
      const run = leafRun({ input: iova, output: iova, left: range.length - done });
      const count = this.unmapRun(iova, run);
      for (let i = 0; i < count; i++) this.gatherPage(gather, iova + i * run.size, run.size);
      done += count * run.size;
    }
    this.flushGathered(gather);
  }

  /** Gives all tables back to the allocator. No flush: a domain is freed only when nobody uses it. */
  free(): void {
    const { startLevel, rootBytes } = this.options.geometry;
    this.freeTable(this.root, { level: startLevel, bytes: rootBytes });
  }

  private checkRange(iova: number, length: number): void {
    const limit = 2 ** this.options.geometry.inputSize;
    if (length <= 0 || iova < 0 || iova + length > limit) {
      throw new RangeError(
        `[0x${iova.toString(16)}, +0x${length.toString(16)}) lies outside the input address space`,
      );
    }
  }

  /** Writes the descriptors of a run as far as they share a table, and says how many that were. */
  private mapRun(run: LeafRun, first: { iova: number; pa: number; attributes: bigint }): number {
    const { memory } = this.options;
    const level = leafLevel(run.size);
    const slot = this.makeSlot(first.iova, level);
    const count = slotsLeft(slot, run.count);
    for (let i = 0; i < count; i++) {
      const at = slot + 8 * i;
      const iova = first.iova + i * run.size;
      const entry = readEntry(memory, at, level);
      if (entry.kind === 'leaf') throw mappedTwice(iova);
      if (entry.kind === 'table') {
        if (this.holdsLeaves(entry.address, level + 1)) throw mappedTwice(iova);
        // A table left empty by earlier page-sized unmaps makes room for the block.
        this.dropTable(at, entry.address, iova, level);
      }
      const { attributes } = first;
      writeLeaf(memory, at, { pa: first.pa + i * run.size, level, attributes });
    }
    return count;
  }

  /** Address of the descriptor that shall map `iova` at `level`; missing tables above are made. */
  private makeSlot(iova: number, level: number): number {
    const { memory, geometry, allocator } = this.options;
    let table = this.root;
    for (let above = geometry.startLevel; above < level; above++) {
      const at = this.slot(table, iova, above);
      const entry = readEntry(memory, at, above);
      if (entry.kind === 'leaf') throw mappedTwice(iova);
      if (entry.kind === 'table') {
        table = entry.address;
        continue;
      }
      table = allocator.allocate(GRANULE);
      writeTable(memory, at, table);
    }
    return this.slot(table, iova, level);
  }

  /** Clears the descriptors of a run as far as they share a table, and says how many that were. */
  private unmapRun(iova: number, run: LeafRun): number {
    const { memory } = this.options;
    const level = leafLevel(run.size);
    const first = this.findSlot(iova, level);
    const count = slotsLeft(first, run.count);
    for (let i = 0; i < count; i++) {
      const entry = readEntry(memory, first + 8 * i, level);
      const at = iova + i * run.size;
      if (entry.kind === 'empty') throw new RangeError(`0x${at.toString(16)} is not mapped`);
      if (entry.kind === 'table') this.dropTable(first + 8 * i, entry.address, at, level);
    }
    for (let i = 0; i < count; i++) writeNothing(memory, first + 8 * i);
    return count;
  }

  /** Address of the descriptor that maps `iova` at `level`. */
  private findSlot(iova: number, level: number): number {
    const { memory, geometry } = this.options;
    let table = this.root;
    for (let above = geometry.startLevel; above < level; above++) {
      const entry = readEntry(memory, this.slot(table, iova, above), above);
      if (entry.kind === 'leaf') {
        throw new RangeError(`0x${iova.toString(16)} lies inside a larger block`);
      }
      if (entry.kind === 'empty') throw new RangeError(`0x${iova.toString(16)} is not mapped`);
      table = entry.address;
    }
    return this.slot(table, iova, level);
  }

  private holdsLeaves(table: number, level: number): boolean {
    for (let at = table; at < table + GRANULE; at += 8) {
      const entry = readEntry(this.options.memory, at, level);
      if (entry.kind === 'leaf') return true;
      if (entry.kind === 'table' && this.holdsLeaves(entry.address, level + 1)) return true;
    }
    return false;
  }

  /** Unlinks a table, flushes the walks through it, then frees it and what hangs below. */
  private dropTable(at: number, table: number, iova: number, level: number): void {
    const size = levelSize(level);
    writeNothing(this.options.memory, at);
    this.options.owner.flush({ iova: iova - (iova % size), size, granule: GRANULE, leaf: false });
    this.freeTable(table, { level: level + 1, bytes: GRANULE });
  }

  private freeTable(table: number, shape: { level: number; bytes: number }): void {
    const { memory, allocator } = this.options;
    for (let at = table; shape.level < 3 && at < table + shape.bytes; at += 8) {
      const entry = readEntry(memory, at, shape.level);
      if (entry.kind !== 'table') continue;
      this.freeTable(entry.address, { level: shape.level + 1, bytes: GRANULE });
    }
    allocator.release(table);
  }

  /** Linux `iommu_iotlb_gather_add_page`: neighbours of one size join, anything else flushes what was gathered. */
  private gatherPage(gather: Gather, iova: number, granule: number): void {
    const joins = gather.granule === granule && gather.end === iova;
    if (joins) gather.end = iova + granule;
    else {
      this.flushGathered(gather);
      Object.assign(gather, { start: iova, end: iova + granule, granule });
    }
  }

  private flushGathered(gather: Gather): void {
    if (gather.granule === 0) return;
    const { start, end, granule } = gather;
    this.options.owner.flush({ iova: start, size: end - start, granule, leaf: true });
  }

  private slot(table: number, iova: number, level: number): number {
    return table + 8 * tableIndex(iova, level, this.options.geometry.startLevel);
  }
}

/** How many of `wanted` descriptors lie in the same table, from the one at `slot` on. */
function slotsLeft(slot: number, wanted: number): number {
  return Math.min(wanted, (GRANULE - (slot % GRANULE)) / 8);
}

function mappedTwice(iova: number): RangeError {
  return new RangeError(`0x${iova.toString(16)} is mapped already`);
}
