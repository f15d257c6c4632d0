import { L1STD, STE, type PhysicalMemory } from '@steward/smmu';
import { composeSte } from './ste-composition';
import type { SteWords } from './entry-update';
import type { PageAllocator } from './page-allocator';
import { STREAM_TABLE_SPLIT } from './probe';

const STE_BYTES = STE.size / 8;
const L1_BYTES = 8;
const L2_ENTRIES = 2 ** STREAM_TABLE_SPLIT;
/** L1STD.Span of a full second-level table: 2^(Span-1) entries (IHI 0070 §5.1). */
const L2_SPAN = BigInt(STREAM_TABLE_SPLIT + 1);
/** Linux caps the first level at 2^17 entries. */
const L1_ENTRIES_LOG2_MAX = 17;

/**
 * The physical stream table, in memory (Linux `arm_smmu_init_strtab`): two levels with second-level tables made when a
 * device needs them, or linear where the SMMU has few StreamIDs. Every STE starts as abort, never as invalid.
 */
export class StreamTable {
  /** Physical byte address for STRTAB_BASE. */
  readonly base: number;
  /** log2 of the number of StreamIDs, for STRTAB_BASE_CFG.LOG2SIZE. */
  readonly log2Size: number;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly allocator: PageAllocator,
    private readonly shape: { readonly twoLevel: boolean; readonly sidBits: number },
  ) {
    this.log2Size = shape.twoLevel
      ? Math.min(shape.sidBits, L1_ENTRIES_LOG2_MAX + STREAM_TABLE_SPLIT)
      : shape.sidBits;
    const entries = 2 ** this.log2Size;
    if (shape.twoLevel) {
      this.base = allocator.allocate((entries / L2_ENTRIES) * L1_BYTES);
    } else {
      this.base = allocator.allocate(entries * STE_BYTES);
      this.fillWithAbort(this.base, entries);
    }
  }

  get twoLevel(): boolean {
    return this.shape.twoLevel;
  }

  /** Makes room for a StreamID. @throws RangeError when it lies outside the table. */
  provide(streamId: number): void {
    if (!Number.isInteger(streamId) || streamId < 0 || streamId >= 2 ** this.log2Size) {
      throw new RangeError(`StreamID ${streamId} lies outside the stream table`);
    }
    if (!this.shape.twoLevel || this.secondLevel(streamId) !== undefined) return;
    const table = this.allocator.allocate(L2_ENTRIES * STE_BYTES);
    this.fillWithAbort(table, L2_ENTRIES);
    // Written last and whole: the SMMU may fetch it at any time (IHI 0070 §3.21.3).
    const [descriptor] = L1STD.encode({ Span: L2_SPAN, L2Ptr: BigInt(table) });
    this.memory.write64(this.descriptorAt(streamId), descriptor!);
  }

  /** The eight words of a StreamID's STE. @throws RangeError when no room was made for it. */
  read(streamId: number): SteWords {
    const at = this.entryAt(streamId);
    return Array.from({ length: STE_BYTES / 8 }, (_, i) => this.memory.read64(at + 8 * i));
  }

  /** Writes those words of a StreamID's STE that differ, one 64-bit write each. */
  write(streamId: number, ste: SteWords): void {
    const at = this.entryAt(streamId);
    for (const [i, word] of ste.entries()) {
      if (this.memory.read64(at + 8 * i) !== word) this.memory.write64(at + 8 * i, word);
    }
  }

  private entryAt(streamId: number): number {
    if (!this.shape.twoLevel) return this.base + streamId * STE_BYTES;
    const table = this.secondLevel(streamId);
    if (table === undefined) throw new RangeError(`StreamID ${streamId} has no stream table entry`);
    return table + (streamId % L2_ENTRIES) * STE_BYTES;
  }

  private descriptorAt(streamId: number): number {
    return this.base + Math.floor(streamId / L2_ENTRIES) * L1_BYTES;
  }

  private secondLevel(streamId: number): number | undefined {
    const descriptor = [this.memory.read64(this.descriptorAt(streamId))];
    if (L1STD.get(descriptor, 'Span') === 0n) return undefined;
    return Number(L1STD.get(descriptor, 'L2Ptr'));
  }

  private fillWithAbort(table: number, entries: number): void {
    const [word0] = composeSte({ kind: 'abort' });
    for (let i = 0; i < entries; i++) this.memory.write64(table + i * STE_BYTES, word0!);
  }
}
