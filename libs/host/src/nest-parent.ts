import { stage2Attributes } from './page-descriptors';
import { PagingDomain, type DomainResources } from './paging-domain';
import { stage2Geometry } from './stage2-geometry';
import type { InvalidationTarget } from './invalidation-array';
import type { PhysicalSmmu } from './physical-smmu';
import type { Stage2Configuration } from './ste-composition';

/**
 * A stage-2 domain that may be nested upon (Linux `struct arm_smmu_domain` with `nest_parent`): a VMID, a stage-2 table,
 * and the array of what its users may have cached.
 */
export class NestParent extends PagingDomain {
  readonly stage2: Stage2Configuration;

  /** @throws RangeError when the SMMU cannot nest or has no 4K granule, or no such VMID. */
  constructor(id: string, smmu: PhysicalSmmu, vmid: number, resources: DomainResources) {
    const { probe, description } = smmu;
    if (!probe.nesting) throw new RangeError(`${description.id} does not support nesting`);
    // VMID 0 tags the STEs with a kernel CD table.
    if (!Number.isInteger(vmid) || vmid < 1 || vmid >= 2 ** probe.vmidBits) {
      throw new RangeError(`VMID ${vmid} is outside 1 … ${2 ** probe.vmidBits - 1}`);
    }
    const geometry = stage2Geometry(probe.iasBits, probe.oas);
    const { s2fwb } = probe;
    super(
      id,
      smmu,
      { geometry, attributes: (protection) => stage2Attributes(protection, s2fwb) },
      resources,
    );
    const { t0sz, sl0, ps } = geometry;
    this.stage2 = { vmid, ttb: this.table.root, t0sz, sl0, ps, s2fwb };
  }

  /**
   * What one device's use adds to the array: the VMID at both stages, and its ATCs as a whole, since a change of a
   * nest parent cannot be named in the guest's addresses (Linux `arm_smmu_master_build_invs`).
   */
  override targetsOf(streamIds: readonly number[], ats: boolean): InvalidationTarget[] {
    const smmu = this.smmu.description.id;
    const { vmid } = this.stage2;
    return [
      { smmu, type: 'S2_VMID', id: vmid, ssid: 0 },
      { smmu, type: 'S2_VMID_S1_CLEAR', id: vmid, ssid: 0 },
      ...(ats ? streamIds : []).map((id) => ({ smmu, type: 'ATS_FULL', id, ssid: 0 }) as const),
    ];
  }
}
