import type { PhysicalMemory } from '@steward/smmu';
import { invalidationPlan } from './invalidation-plan';
import { purge, type InvalidationArray, type InvalidationTarget } from './invalidation-array';
import { GRANULE, stage2Geometry } from './stage2-geometry';
import { Stage2Table, type FlushRequest } from './stage2-table';
import type { PageAllocator } from './page-allocator';
import type { PhysicalSmmu } from './physical-smmu';
import type { Stage2Configuration } from './ste-composition';

/**
 * A stage-2 domain that may be nested upon (Linux `struct arm_smmu_domain` with `nest_parent`): a VMID, a stage-2 table,
 * and the array of what its users may have cached.
 */
export class NestParent {
  readonly table: Stage2Table;
  readonly stage2: Stage2Configuration;
  /** Published before hardware can use the domain for a device, cut back after it no longer does. */
  invalidations: InvalidationArray = [];

  /** @throws RangeError when the SMMU cannot nest or has no 4K granule, or no such VMID. */
  constructor(
    readonly id: string,
    readonly smmu: PhysicalSmmu,
    vmid: number,
    resources: { readonly memory: PhysicalMemory; readonly allocator: PageAllocator },
  ) {
    const { probe, description } = smmu;
    if (!probe.nesting) throw new RangeError(`${description.id} does not support nesting`);
    if (!probe.pageSizes.includes(GRANULE)) {
      throw new RangeError(`${description.id} has no tables of 4K pages, the host's page size`);
    }
    // VMID 0 tags the STEs with a kernel CD table.
    if (!Number.isInteger(vmid) || vmid < 1 || vmid >= 2 ** probe.vmidBits) {
      throw new RangeError(`VMID ${vmid} is outside 1 … ${2 ** probe.vmidBits - 1}`);
    }
    const geometry = stage2Geometry(probe.iasBits, probe.oas);
    const { s2fwb } = probe;
    const flush = (request: FlushRequest): void => this.invalidate(request);
    this.table = new Stage2Table({ ...resources, geometry, s2fwb, flush });
    const { t0sz, sl0, ps } = geometry;
    this.stage2 = { vmid, ttb: this.table.root, t0sz, sl0, ps, s2fwb };
  }

  /** Gives the table back. @throws RangeError while a device uses the domain. */
  free(): void {
    if (purge(this.invalidations).length > 0) throw new RangeError(`${this.id} is in use`);
    this.table.free();
  }

  /**
   * What one device's use adds to the array: the VMID at both stages, and its ATCs as a whole, since a change of a
   * nest parent cannot be named in the guest's addresses (Linux `arm_smmu_master_build_invs`).
   */
  targetsOf(streamIds: readonly number[], ats: boolean): InvalidationTarget[] {
    const smmu = this.smmu.description.id;
    const { vmid } = this.stage2;
    return [
      { smmu, type: 'S2_VMID', id: vmid, ssid: 0 },
      { smmu, type: 'S2_VMID_S1_CLEAR', id: vmid, ssid: 0 },
      ...(ats ? streamIds : []).map((id) => ({ smmu, type: 'ATS_FULL', id, ssid: 0 }) as const),
    ];
  }

  private invalidate(request: FlushRequest): void {
    this.smmu.issue(invalidationPlan(this.invalidations, request, () => this.smmu.probe));
  }
}
