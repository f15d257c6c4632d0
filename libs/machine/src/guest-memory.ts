import { addressOf } from '@steward/domain';
import type { RamRange } from '@steward/domain';
import type { PhysicalMemory } from '@steward/smmu';

interface Range {
  readonly ipa: number;
  readonly size: number;
  readonly pa: number;
}

/** A guest's RAM: its addresses (IPAs) over the host's physical memory. */
export class GuestMemory {
  private readonly ranges: readonly Range[];
  /** Doorbell pages the kernel mapped for it: IPA → PA. */
  private readonly doorbells = new Map<number, number>();

  constructor(
    private readonly memory: PhysicalMemory,
    ram: readonly RamRange[],
  ) {
    this.ranges = ram.map((r) => ({
      ipa: addressOf(r.ipa),
      size: addressOf(r.size),
      pa: addressOf(r.pa),
    }));
  }

  addDoorbell(ipa: number, pa: number): void {
    this.doorbells.set(ipa, pa);
  }

  /** Host address that backs a guest address, RAM or doorbell; undefined where nothing does. */
  backing(ipa: number): number | undefined {
    for (const { ipa: first, size, pa } of this.ranges) {
      if (ipa >= first && ipa < first + size) return pa + (ipa - first);
    }
    const offset = ipa % 4096;
    const page = this.doorbells.get(ipa - offset);
    return page === undefined ? undefined : page + offset;
  }

  /** The 64-bit word at an 8-byte aligned IPA; undefined outside RAM. */
  read(ipa: number): bigint | undefined {
    const pa = ipa % 8 === 0 ? this.backing(ipa) : undefined;
    return pa === undefined ? undefined : this.memory.read64(pa);
  }

  /** Stores a word; returns whether RAM is there to take it. */
  write(ipa: number, word: bigint): boolean {
    const pa = ipa % 8 === 0 ? this.backing(ipa) : undefined;
    if (pa === undefined) return false;
    this.memory.write64(pa, word);
    return true;
  }
}
