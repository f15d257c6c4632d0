import { CD, type PhysicalMemory } from '@steward/smmu';
import { CD_RULES } from './cd-composition';
import { planEntryUpdate, type EntryWords } from './entry-update';
import { issue, syncIssue } from './issue';
import type { PageAllocator } from './page-allocator';
import type { PhysicalSmmu } from './physical-smmu';

const CD_BYTES = CD.size / 8;

/**
 * A device's own context descriptors: a linear table with one CD, for traffic without a SubstreamID (Linux
 * `arm_smmu_alloc_cd_tables`). It is made at the first attach to a stage-1 domain and kept.
 */
export class CdTable {
  /** Physical byte address: STE.S1ContextPtr. */
  readonly base: number;

  constructor(
    private readonly memory: PhysicalMemory,
    allocator: PageAllocator,
  ) {
    this.base = allocator.allocate(CD_BYTES);
  }

  /** The eight words of the CD. */
  read(): EntryWords {
    return Array.from({ length: CD_BYTES / 8 }, (_, i) => this.memory.read64(this.base + 8 * i));
  }

  /** Replaces the CD step by step, each made effective for every stream before the next (Linux `arm_smmu_write_cd_entry`). */
  install(smmu: PhysicalSmmu, streamIds: readonly number[], cd: EntryWords): void {
    const { id } = smmu.description;
    const { steps } = planEntryUpdate(this.read(), cd, CD_RULES);
    for (const words of steps) {
      this.write(words);
      smmu.issue([
        ...streamIds.map((sid) => issue(id, 'CFGI_CD', { StreamID: BigInt(sid), Leaf: 1n })),
        syncIssue(id),
      ]);
    }
  }

  private write(cd: EntryWords): void {
    for (const [i, word] of cd.entries()) {
      const at = this.base + 8 * i;
      if (this.memory.read64(at) !== word) this.memory.write64(at, word);
    }
  }
}
