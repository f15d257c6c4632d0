import type { PhysicalMemory } from '@steward/smmu';

const PER_GIB = 2 ** -30;

/**
 * The baseline of TLB misses: walks four-level 4K tables that lie in one typed array, looking at
 * valid bits and addresses and at nothing else.
 */
export class PlainWalk {
  private readonly words: Uint32Array;
  private readonly first: number;

  /** Copies the words of the given pages out of the memory. */
  constructor(memory: PhysicalMemory, pages: { readonly first: number; readonly end: number }) {
    this.first = pages.first;
    this.words = new Uint32Array((pages.end - pages.first) / 4);
    for (let pa = pages.first; pa < pages.end; pa += 8) {
      this.words[(pa - pages.first) / 4] = memory.readLo(pa);
      this.words[(pa - pages.first) / 4 + 1] = memory.readHi(pa);
    }
  }

  /** Output address through one stage, or -1. `address` is below 2^48. */
  one(table: number, address: number): number {
    const high = (address * PER_GIB) | 0;
    const low = address | 0;
    let entry = this.load(table + (high >>> 9) * 8);
    if (entry >= 0) entry = this.load(entry + (high & 511) * 8);
    if (entry >= 0) entry = this.load(entry + ((low >>> 21) & 511) * 8);
    if (entry >= 0) entry = this.load(entry + ((low >>> 12) & 511) * 8);
    return entry < 0 ? -1 : entry + (low & 4095);
  }

  /** Output address through both stages: every stage-1 table is at an address of stage 2. */
  both(stage1: number, stage2: number, address: number): number {
    const high = (address * PER_GIB) | 0;
    const low = address | 0;
    let entry = this.load(this.one(stage2, stage1 + (high >>> 9) * 8));
    if (entry >= 0) entry = this.load(this.one(stage2, entry + (high & 511) * 8));
    if (entry >= 0) entry = this.load(this.one(stage2, entry + ((low >>> 21) & 511) * 8));
    if (entry >= 0) entry = this.load(this.one(stage2, entry + ((low >>> 12) & 511) * 8));
    return entry < 0 ? -1 : this.one(stage2, entry + (low & 4095));
  }

  /** The address in a valid descriptor, or -1. */
  private load(pa: number): number {
    const at = (pa - this.first) >> 2;
    const lo = this.words[at]!;
    if ((lo & 1) === 0) return -1;
    return (this.words[at + 1]! & 0xffff) * 0x1_0000_0000 + ((lo & 0xffff_f000) >>> 0);
  }
}
