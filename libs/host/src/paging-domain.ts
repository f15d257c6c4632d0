import type { PhysicalMemory } from '@steward/smmu';
import { invalidationPlan } from './invalidation-plan';
import { purge, type InvalidationArray, type InvalidationTarget } from './invalidation-array';
import { PageTable, type FlushRequest } from './page-table';
import { GRANULE, type TableGeometry } from './stage2-geometry';
import type { PageAllocator } from './page-allocator';
import type { PageProtection } from './page-descriptors';
import type { PhysicalSmmu } from './physical-smmu';

export interface DomainResources {
  readonly memory: PhysicalMemory;
  readonly allocator: PageAllocator;
}

/**
 * A page table that the driver owns and the array of what its users may have cached (Linux `struct arm_smmu_domain`):
 * common ground of stage-1 domains and nest parents.
 */
export abstract class PagingDomain {
  readonly table: PageTable;
  /** Published before hardware can use the domain for a device, cut back after it no longer does. */
  invalidations: InvalidationArray = [];

  /** @throws RangeError when the SMMU has no 4K granule. */
  constructor(
    readonly id: string,
    readonly smmu: PhysicalSmmu,
    format: {
      readonly geometry: TableGeometry;
      readonly attributes: (protection: PageProtection) => bigint;
    },
    resources: DomainResources,
  ) {
    if (!smmu.probe.pageSizes.includes(GRANULE)) {
      throw new RangeError(
        `${smmu.description.id} has no tables of 4K pages, the host's page size`,
      );
    }
    const flush = (request: FlushRequest): void => this.invalidate(request);
    this.table = new PageTable({ ...resources, ...format, flush });
  }

  /** What one device's use of the domain adds to the array. */
  abstract targetsOf(streamIds: readonly number[], ats: boolean): InvalidationTarget[];

  /** Gives the table back. @throws RangeError while a device uses the domain. */
  free(): void {
    if (purge(this.invalidations).length > 0) throw new RangeError(`${this.id} is in use`);
    this.table.free();
  }

  private invalidate(request: FlushRequest): void {
    this.smmu.issue(invalidationPlan(this.invalidations, request, () => this.smmu.probe));
  }
}
