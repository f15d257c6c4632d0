import { CD, L1CD, type PhysicalMemory } from '@steward/smmu';
import { CD_RULES } from './cd-composition';
import { planEntryUpdate, type EntryWords } from './entry-update';
import { issue, syncIssue } from './issue';
import type { PageAllocator } from './page-allocator';
import type { PhysicalSmmu } from './physical-smmu';
import type { CdTableConfiguration } from './ste-composition';

const CD_BYTES = CD.size / 8;
const L1_BYTES = L1CD.size / 8;
/** log2 of the CDs in one leaf of 64 KiB (Linux `CTXDESC_L2_ENTRIES`). */
const LEAF_LOG2 = 10;
const LEAF_CDS = 2 ** LEAF_LOG2;

/** Whose table it is: the SMMU that may have cached it, and under which StreamIDs. */
export interface CdTableUser {
  readonly smmu: PhysicalSmmu;
  readonly streamIds: readonly number[];
}

/**
 * A device's own context descriptors, one for each SubstreamID it can send; traffic without one uses the first (Linux
 * `arm_smmu_alloc_cd_tables`). The table is made when a domain first needs it and kept. It has two levels where the SMMU
 * can and one leaf would not hold it; leaves are then made as they are needed.
 */
export class CdTable {
  readonly configuration: CdTableConfiguration;

  /** @param ssidBits log2 of the CDs. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly allocator: PageAllocator,
    ssidBits: number,
    twoLevel: boolean,
  ) {
    const leaves = twoLevel && ssidBits > LEAF_LOG2;
    const bytes = leaves ? 2 ** (ssidBits - LEAF_LOG2) * L1_BYTES : 2 ** ssidBits * CD_BYTES;
    const base = allocator.allocate(bytes);
    this.configuration = { base, format: leaves ? 'two-level' : 'linear', cdMax: ssidBits };
  }

  /** The eight words of a CD, V=0 where there is no leaf yet. */
  read(ssid: number): EntryWords {
    const at = this.addressOf(ssid);
    return Array.from({ length: CD_BYTES / 8 }, (_, i) =>
      at === undefined ? 0n : this.memory.read64(at + 8 * i),
    );
  }

  /** Makes room for a CD (Linux `arm_smmu_alloc_cd_ptr`): the SMMU may have cached that there was no leaf. */
  provide(ssid: number, user: CdTableUser): void {
    if (this.addressOf(ssid) !== undefined) return;
    const leaf = this.allocator.allocate(LEAF_CDS * CD_BYTES);
    const [descriptor] = L1CD.encode({ V: 1n, L2Ptr: BigInt(leaf) });
    this.memory.write64(this.descriptorAt(ssid), descriptor!);
    this.invalidate(ssid, user, 'with its leaf');
  }

  /**
   * Replaces a CD step by step, each made effective for every stream before the next (Linux `arm_smmu_write_cd_entry`).
   * Where there is no room for it, an invalid CD is there already.
   */
  install(ssid: number, cd: EntryWords, user: CdTableUser): void {
    const at = this.addressOf(ssid);
    if (at === undefined) return;
    const { steps } = planEntryUpdate(this.read(ssid), cd, CD_RULES);
    for (const words of steps) {
      this.write(at, words);
      this.invalidate(ssid, user, 'alone');
    }
  }

  private invalidate(ssid: number, user: CdTableUser, what: 'alone' | 'with its leaf'): void {
    const { id } = user.smmu.description;
    const fields = { SubstreamID: BigInt(ssid), Leaf: what === 'alone' ? 1n : 0n };
    user.smmu.issue([
      ...user.streamIds.map((sid) => issue(id, 'CFGI_CD', { StreamID: BigInt(sid), ...fields })),
      syncIssue(id),
    ]);
  }

  private write(at: number, cd: EntryWords): void {
    for (const [i, word] of cd.entries()) {
      if (this.memory.read64(at + 8 * i) !== word) this.memory.write64(at + 8 * i, word);
    }
  }

  /** Physical byte address of a CD; undefined where its leaf is not made. */
  private addressOf(ssid: number): number | undefined {
    const { base, format } = this.configuration;
    if (format === 'linear') return base + ssid * CD_BYTES;
    const descriptor = [this.memory.read64(this.descriptorAt(ssid))];
    if (L1CD.get(descriptor, 'V') === 0n) return undefined;
    return Number(L1CD.get(descriptor, 'L2Ptr')) + (ssid % LEAF_CDS) * CD_BYTES;
  }

  private descriptorAt(ssid: number): number {
    return this.configuration.base + Math.floor(ssid / LEAF_CDS) * L1_BYTES;
  }
}
