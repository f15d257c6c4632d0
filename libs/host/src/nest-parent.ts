import { stage2Attributes, type PageProtection } from './page-descriptors';
import { PagingDomain, type DomainResources } from './paging-domain';
import { stage2Geometry } from './stage2-geometry';
import type { InvalidationTarget, TargetType } from './invalidation-array';
import type { PolicyRules } from './policy';
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
    const { s2fwb, stallForced: stalls } = probe;
    const tagOf = (type: TargetType): InvalidationTarget => ({
      smmu: description.id,
      type,
      id: vmid,
      ssid: 0,
    });
    super(id, smmu, [tagOf('S2_VMID'), tagOf('S2_VMID_S1_CLEAR')], geometry, resources);
    const { t0sz, sl0, ps } = geometry;
    this.stage2 = { vmid, ttb: this.table.root, t0sz, sl0, ps, s2fwb, stalls };
  }

  attributes(protection: PageProtection): bigint {
    return stage2Attributes(protection, this.stage2.s2fwb);
  }

  /** A change of a nest parent cannot be named in the addresses that a guest's devices have cached. */
  protected atcType({ parentAtc }: PolicyRules): 'ATS' | 'ATS_FULL' {
    return parentAtc === 'whole' ? 'ATS_FULL' : 'ATS';
  }
}
