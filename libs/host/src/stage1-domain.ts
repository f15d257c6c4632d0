import { stage1Attributes, type PageProtection } from './page-descriptors';
import { PagingDomain, type DomainResources } from './paging-domain';
import { STAGE1_GEOMETRY } from './stage2-geometry';
import type { PhysicalSmmu } from './physical-smmu';
import type { Stage1Configuration } from './cd-composition';

/**
 * A stage-1 domain of the kernel's own: a paging HWPT that is no nest parent, or the DMA domain a device has while no
 * VMM holds it (Linux `arm_smmu_domain_finalise_s1`).
 */
export class Stage1Domain extends PagingDomain {
  readonly stage1: Stage1Configuration;

  /** @throws RangeError when the SMMU has no stage 1 or no 4K granule, or no such ASID. */
  constructor(id: string, smmu: PhysicalSmmu, asid: number, resources: DomainResources) {
    const { probe, description } = smmu;
    if (!probe.stage1) throw new RangeError(`${description.id} has no stage 1`);
    if (!Number.isInteger(asid) || asid < 1 || asid >= 2 ** probe.asidBits) {
      throw new RangeError(`ASID ${asid} is outside 1 … ${2 ** probe.asidBits - 1}`);
    }
    super(
      id,
      smmu,
      [{ smmu: description.id, type: 'S1_ASID', id: asid, ssid: 0 }],
      STAGE1_GEOMETRY,
      resources,
    );
    const ips = Math.min(probe.oas, OAS_48);
    this.stage1 = { asid, ttb: this.table.root, ips, stalls: probe.stallForced };
  }

  attributes(protection: PageProtection): bigint {
    return stage1Attributes(protection);
  }

  protected atcType(): 'ATS' {
    return 'ATS';
  }
}

/** IDR5.OAS of 48 bits, the widest output of tables without LPA2. */
const OAS_48 = 5;
