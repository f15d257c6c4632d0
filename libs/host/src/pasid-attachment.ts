import { STE, STE_CONFIG } from '@steward/smmu';
import {
  attachMaster,
  cdTableTarget,
  installStes,
  provideCd,
  stage1Cd,
  supportsAts,
  type Master,
  type SteObserver,
} from './attachment';
import { INVALID_CD } from './cd-composition';
import { abortFaults } from './page-faults';
import { atcFlushPlan } from './invalidation-plan';
import type { DomainResources } from './paging-domain';
import type { Stage1Domain } from './stage1-domain';

/** One PASID of a device, and what it is to be attached to. */
export interface PasidAttachment {
  /** 1 … 2^pasidBits - 1. */
  readonly pasid: number;
  readonly domain: Stage1Domain;
  readonly faultQueue?: string | undefined;
}

/**
 * Attaches a PASID of a device, or replaces what it is attached to (Linux `arm_smmu_set_pasid`): as `attachMaster`, but for
 * the CD in the place of the STE. Where traffic without a PASID is blocked, the STE becomes one with the CD table that goes
 * on aborting that traffic.
 *
 * A device that cannot send PASIDs is not touched, as the kernel's core never asks the driver then.
 * @throws RangeError when the domain is on another SMMU, or no CD table may be installed; nothing has changed then.
 */
export function attachPasid(
  master: Master,
  { pasid, domain, faultQueue }: PasidAttachment,
  resources: DomainResources,
  steAtSync: SteObserver,
): void {
  if (master.pasidBits === 0) return;
  const { smmu, streamIds } = master;
  if (domain.smmu !== smmu) {
    throw new RangeError(`${domain.id} belongs to another SMMU than ${master.id}`);
  }
  if (!hasCdTable(master) && master.domain !== undefined) {
    throw new RangeError(`${master.id} is on ${master.domain.id}, without a CD table`);
  }
  const cdTable = provideCd(master, pasid, resources);
  const ats = supportsAts(master);
  domain.join(streamIds, ats, pasid);

  cdTable.install(pasid, stage1Cd(master, domain), master);
  if (!hasCdTable(master)) {
    installStes(master, cdTableTarget(master, cdTable, 'terminate'), steAtSync);
  }

  // An ATC that was off until now may hold anything.
  if (ats) {
    smmu.issue(atcFlushPlan(smmu.description.id, streamIds, master.atsEnabled ? pasid : 0));
  }
  abortFaults(master, master.faults.change(pasid, faultQueue));
  master.pasids.get(pasid)?.leave(streamIds, master.atsEnabled, pasid);
  master.pasids.set(pasid, domain);
  master.atsEnabled = ats;
  abortFaults(master, master.faults.dropped(pasid));
}

/**
 * Detaches a PASID (Linux `arm_smmu_blocking_set_dev_pasid`). With the last one, a device whose traffic without a PASID is
 * blocked gets the abort STE back.
 */
export function detachPasid(
  master: Master,
  pasid: number,
  resources: DomainResources,
  steAtSync: SteObserver,
): void {
  if (master.pasidBits === 0) return;
  const { smmu, streamIds, atsEnabled } = master;
  const domain = master.pasids.get(pasid);
  if (domain === undefined) throw new RangeError(`PASID ${pasid} of ${master.id} is not attached`);
  master.cdTable?.install(pasid, INVALID_CD, master);
  if (atsEnabled) smmu.issue(atcFlushPlan(smmu.description.id, streamIds, pasid));
  abortFaults(master, master.faults.change(pasid, undefined));
  domain.leave(streamIds, atsEnabled, pasid);
  master.pasids.delete(pasid);
  abortFaults(master, master.faults.dropped(pasid));
  if (master.pasids.size === 0 && master.domain === undefined) {
    attachMaster(master, { kind: 'blocked' }, resources, steAtSync);
  }
}

/** Whether the STE has the kernel's own CD table (Linux `cd_table.in_ste`). */
function hasCdTable({ smmu, streamIds: [first] }: Master): boolean {
  if (first === undefined) return false;
  return STE.get(smmu.streamTable.read(first), 'Config') === STE_CONFIG.S1;
}
