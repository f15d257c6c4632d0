import { ChunkIndex } from './chunk-index';
import { Regions, type Region } from './regions';

/**
 * A chunk is 64 words of 64 bits: small enough for a guest that writes a few descriptors per table.
 */
const CHUNK_LOG2 = 9;
const CHUNK_BYTES = 2 ** CHUNK_LOG2;
const PER_CHUNK = 1 / CHUNK_BYTES;
/** Where the bits of an address above the lowest 32 are in the number of its chunk. */
const HIGH_SHIFT = 32 - CHUNK_LOG2;
const TWO_32 = 2 ** 32;
const PER_TWO_32 = 2 ** -32;
const CHUNK_UINT32 = CHUNK_BYTES / 4;
/**
 * Chunks are carved from segments that grow from 2 KiB to 256 KiB, so a small machine stays small.
 */
const FIRST_SEGMENT_CHUNKS = 4;
const SEGMENT_CHUNKS = 512;

/** Two halves of a 64-bit word. */
interface Halves {
  readonly lo: number;
  readonly hi: number;
}

/** Hears of changes in memory, as they happen. */
export interface MemoryObserver {
  /**
   * The word at `pa` has another value now. `byHardware`: a translation table walk updated the
   * Access flag or the dirty state.
   */
  written(pa: number, before: Halves, after: Halves, byHardware: boolean): void;
  /** Software gave memory back: what lies there has no meaning any more. */
  released(base: number, bytes: number): void;
}

/**
 * Sparse physical memory, little-endian, addressed in bytes below 2^52.
 *
 * Memory answers inside its regions and nowhere else: an access elsewhere is an external abort,
 * which is for the caller to model (`backed`). Words that were never written read as zero and
 * occupy nothing.
 */
export class PhysicalMemory {
  private readonly regions = new Regions();
  private readonly index = new ChunkIndex();
  private readonly segments: Uint32Array[] = [];
  private readonly observers: MemoryObserver[] = [];

  /** @throws RangeError for regions that are not page-aligned or overlap. */
  constructor(regions: readonly Region[]) {
    for (const region of regions) this.regions.add(region);
  }

  /** @throws RangeError for a region that is not page-aligned or overlaps an earlier one. */
  addRegion(region: Region): void {
    this.regions.add(region);
  }

  /** From now on tells of every change, in the order of these calls. */
  observe(observer: MemoryObserver): void {
    this.observers.push(observer);
  }

  /** Software that owns these bytes gives them back. The words stay what they are. */
  release(base: number, bytes: number): void {
    for (const observer of this.observers) observer.released(base, bytes);
  }

  /** Whether memory answers at `pa`. */
  backed(pa: number): boolean {
    return this.regions.contains(pa);
  }

  /** The 64-bit word at `pa`. @throws RangeError when `pa` is not backed or not a multiple of 8. */
  read64(pa: number): bigint {
    this.check(pa);
    return (BigInt(this.readHi(pa)) << 32n) | BigInt(this.readLo(pa));
  }

  /**
   * Writes the 64-bit word at `pa`. @throws RangeError when `pa` is not backed or not a multiple of
   * 8.
   */
  write64(pa: number, value: bigint): void {
    this.writeWord(pa, Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  /**
   * Reads both halves of the word at `pa`, as signed integers, with one lookup. `pa` is 8-byte
   * aligned, which is not checked.
   * @returns whether memory answers at `pa`: if not, nothing is read.
   */
  load(pa: number, into: { lo: number; hi: number }): boolean {
    return this.loadAt((pa * PER_TWO_32) | 0, pa | 0, into);
  }

  /** The same at an address of bits [51:32] and [31:0]: a walk has them as they are in a descriptor. */
  loadAt(high: number, low: number, into: { lo: number; hi: number }): boolean {
    const place = this.index.findAt(
      high >>> CHUNK_LOG2,
      (high << HIGH_SHIFT) | (low >>> CHUNK_LOG2),
    );
    // What was written is in a region, and regions stay.
    if (place < 0) return this.loadUnwritten(high * TWO_32 + (low >>> 0), into);
    const segment = this.segments[place >>> 10]!;
    const at = (place & 1023) * CHUNK_UINT32 + ((low & (CHUNK_BYTES - 1)) >> 2);
    into.lo = segment[at]! | 0;
    into.hi = segment[at + 1]! | 0;
    return true;
  }

  /**
   * Bits [31:0] of the word at `pa`, unsigned. `pa` is 8-byte aligned and backed; neither is
   * checked.
   */
  readLo(pa: number): number {
    const place = this.index.find(pa * PER_CHUNK);
    return place < 0 ? 0 : this.uint32(place, (pa & (CHUNK_BYTES - 1)) >> 2);
  }

  /**
   * Bits [63:32] of the word at `pa`, unsigned. `pa` is 8-byte aligned and backed; neither is
   * checked.
   */
  readHi(pa: number): number {
    return this.readLo(pa + 4);
  }

  /**
   * Writes the word at `pa` as its two halves.
   * @throws RangeError when `pa` is not backed or not a multiple of 8.
   */
  writeWord(pa: number, lo: number, hi: number): void {
    this.check(pa);
    this.store(pa, lo, hi, false);
  }

  /** The same by hardware that updates a descriptor it walked (IHI 0070 §3.13). */
  updateDescriptor(pa: number, lo: number, hi: number): void {
    this.check(pa);
    this.store(pa, lo, hi, true);
  }

  private loadUnwritten(pa: number, into: { lo: number; hi: number }): boolean {
    if (!this.backed(pa)) return false;
    into.lo = 0;
    into.hi = 0;
    return true;
  }

  private store(pa: number, lo: number, hi: number, byHardware: boolean): void {
    const chunk = Math.floor(pa * PER_CHUNK);
    let place = this.index.find(chunk);
    if (place < 0) {
      if (lo === 0 && hi === 0) return;
      place = this.allocate(chunk);
    }
    const segment = this.segments[place >>> 10]!;
    const at = (place & 1023) * CHUNK_UINT32 + ((pa & (CHUNK_BYTES - 1)) >> 2);
    const before =
      this.observers.length === 0 ? undefined : { lo: segment[at]!, hi: segment[at + 1]! };
    segment[at] = lo;
    segment[at + 1] = hi;
    if (before === undefined || (before.lo === lo >>> 0 && before.hi === hi >>> 0)) return;
    const after = { lo: lo >>> 0, hi: hi >>> 0 };
    for (const observer of this.observers) observer.written(pa, before, after, byHardware);
  }

  /**
   * Visits all non-zero words in ascending order of address: the whole state, for digests and
   * snapshots.
   */
  forEachWord(visit: (pa: number, value: bigint) => void): void {
    for (const chunk of this.index.sortedChunks()) {
      const place = this.index.find(chunk);
      for (let word = 0; word < CHUNK_UINT32; word += 2) {
        const lo = this.uint32(place, word);
        const hi = this.uint32(place, word + 1);
        if (lo !== 0 || hi !== 0) {
          visit(chunk * CHUNK_BYTES + word * 4, (BigInt(hi) << 32n) | BigInt(lo));
        }
      }
    }
  }

  private uint32(place: number, at: number): number {
    return this.segments[place >>> 10]![(place & 1023) * CHUNK_UINT32 + at]!;
  }

  private check(pa: number): void {
    if (!Number.isInteger(pa) || pa % 8 !== 0) {
      throw new RangeError(`physical address ${pa.toString(16)} is not 8-byte aligned`);
    }
    if (!this.backed(pa))
      throw new RangeError(`no memory at physical address 0x${pa.toString(16)}`);
  }

  /** Gives a chunk its place: the number of its segment above bit 10, the chunk inside it below. */
  private allocate(chunk: number): number {
    const last = this.segments.length - 1;
    const capacity = last < 0 ? 0 : this.segments[last]!.length / CHUNK_UINT32;
    if (this.filled === capacity) {
      const chunks = Math.min(SEGMENT_CHUNKS, Math.max(FIRST_SEGMENT_CHUNKS, capacity * 2));
      this.segments.push(new Uint32Array(chunks * CHUNK_UINT32));
      this.filled = 0;
    }
    const place = ((this.segments.length - 1) << 10) | this.filled++;
    this.index.add(chunk, place);
    return place;
  }

  /** Chunks in use in the last segment. */
  private filled = 0;
}
