import type { AtsDevice } from '@steward/smmu';
import { INVALID_CD, composeCd } from './cd-composition';
import { CdTable } from './cd-table';
import { planEntryUpdate } from './entry-update';
import { atcFlushPlan } from './invalidation-plan';
import { issue, syncIssue } from './issue';
import { abortFaults, type PageFaults } from './page-faults';
import { composeSte, type SteTarget } from './ste-composition';
import { validateVste, type VsteVerdict, type VsteWords } from './vste-rules';
import type { NestParent } from './nest-parent';
import type { DomainResources, PagingDomain } from './paging-domain';
import type { PolicyRules } from './policy';
import type { Stage1Domain } from './stage1-domain';
import type { PhysicalSmmu } from './physical-smmu';

/** What a device is, and what it is attached to (Linux `struct arm_smmu_master`). */
export interface Master {
  readonly id: string;
  readonly smmu: PhysicalSmmu;
  /** Distinct StreamIDs, in the firmware's order. */
  readonly streamIds: readonly number[];
  /** The device and the path to it can do ATS. */
  readonly ats: boolean;
  /** Its ATCs, by StreamID; none where it has no such cache. */
  readonly atcs: ReadonlyMap<number, AtsDevice>;
  /** Its transactions wait when they fault: the SMMU has no other way, or may and firmware says that the device can. */
  readonly stallEnabled: boolean;
  /** Its faults that wait, and who is to answer them. */
  readonly faults: PageFaults;
  /** It is on a nested domain, whose guest has PASIDs of its own. */
  nested: boolean;
  /** log2 of the SubstreamIDs that the device can send and the SMMU take; 0: none but 0, which is none. */
  readonly pasidBits: number;
  /** Undefined while blocked. For a nested attachment: the stage-2 parent. */
  domain: PagingDomain | undefined;
  atsEnabled: boolean;
  /** Where the device's own faults go; what the vDEVICE said at the last attach. */
  guest: GuestStream | undefined;
  /** The kernel's own CDs for it, once a stage-1 domain needed them. */
  cdTable: CdTable | undefined;
  /** Domains of PASIDs, by PASID. They keep the CD table in the STE, whatever traffic without one is on. */
  readonly pasids: Map<number, Stage1Domain>;
}

/** A device as its guest names it (Linux `struct arm_smmu_vmaster`). */
export interface GuestStream {
  /** The vSMMU, where the caller names it. */
  readonly vsmmu?: string;
  readonly vsid: number;
  /** The nest parent of the vSMMU. */
  readonly parent: string;
}

/** What to attach a device to. */
export type Attachment =
  | { readonly kind: 'blocked' }
  | { readonly kind: 'stage1'; readonly domain: Stage1Domain; readonly faultQueue?: string }
  | { readonly kind: 'parent'; readonly parent: NestParent }
  | {
      readonly kind: 'nested';
      readonly parent: NestParent;
      readonly vste: VsteWords;
      /** vSID of the device's vDEVICE. A vSTE with Config=S1 needs one. */
      readonly vsid?: number;
      readonly vsmmu?: string;
      readonly faultQueue?: string;
    };

/** Told the words of an STE in memory at each CMD_CFGI_STE. */
export type SteObserver = (streamId: number, words: readonly bigint[]) => void;

/** The decisions of one attachment, taken before anything changes. */
interface Prepared {
  readonly domain: PagingDomain | undefined;
  readonly target: SteTarget;
  readonly ats: boolean;
  readonly guest: GuestStream | undefined;
}

/**
 * Attaches a device in the driver's order (Linux `arm_smmu_attach_prepare`, `…_install_ste_for_dev`, `…_commit`), so that
 * at no moment hardware uses a domain whose changes would not reach it:
 * the new domain's invalidation targets are published, then the STE is installed, then the ATC is emptied, and last the
 * old domain's targets go; what the last user of an ASID or VMID may have left cached is removed with it.
 *
 * The kernel's own CD is written before an STE that uses it, and cleared once none does: by a stage-2 attach at once, by a
 * blocked one when all else is done, by a nested one not at all.
 * @throws RangeError when the domain is on another SMMU or the vSTE cannot be attached; nothing has changed then.
 */
export function attachMaster(
  master: Master,
  to: Attachment,
  resources: DomainResources,
  steAtSync: SteObserver,
): void {
  const prepared = prepare(master, to, resources);
  const { smmu, streamIds } = master;
  prepared.domain?.join(streamIds, prepared.ats);

  if (to.kind === 'stage1') master.cdTable?.install(0, stage1Cd(master, to.domain), master);
  installStes(master, prepared.target, steAtSync);
  if (to.kind === 'parent') master.cdTable?.install(0, INVALID_CD, master);

  master.guest = prepared.guest;
  if (prepared.ats || master.atsEnabled) {
    smmu.issue(atcFlushPlan(smmu.description.id, streamIds));
  }
  abortFaults(master, master.faults.change(0, 'faultQueue' in to ? to.faultQueue : undefined));
  master.domain?.leave(streamIds, master.atsEnabled);
  master.domain = prepared.domain;
  master.atsEnabled = prepared.ats;
  master.nested = to.kind === 'nested';
  if (to.kind === 'blocked') master.cdTable?.install(0, INVALID_CD, master);
  // Behind the driver, iommufd answers what waited for the attachment that is gone.
  abortFaults(master, master.faults.dropped(0));
}

/** The CD of a stage-1 domain for a device. */
export function stage1Cd({ stallEnabled }: Master, { stage1 }: Stage1Domain) {
  return composeCd({ ...stage1, stalls: stallEnabled });
}

function prepare(master: Master, to: Attachment, resources: DomainResources): Prepared {
  if (to.kind === 'blocked') return { ...blocked(master), domain: undefined, guest: undefined };
  const domain = to.kind === 'stage1' ? to.domain : to.parent;
  if (domain.smmu !== master.smmu) {
    throw new RangeError(`${domain.id} belongs to another SMMU than ${master.id}`);
  }
  const ats = supportsAts(master);
  if (to.kind === 'stage1') {
    const cdTable = provideCd(master, 0, resources);
    return { domain, target: cdTableTarget(master, cdTable, 'ssid0'), ats, guest: undefined };
  }
  rejectPasids(master);
  const stage2 = { ...to.parent.stage2, stalls: master.stallEnabled };
  if (to.kind === 'parent') {
    return { domain, target: { kind: 's2', stage2, ats }, ats, guest: undefined };
  }
  return prepareNested(master, to, { ats, rules: resources.rules });
}

/** An abort; while PASIDs are attached, an abort of what has none. Any of them may be using ATS. */
function blocked(master: Master): Pick<Prepared, 'target' | 'ats'> {
  if (master.pasids.size === 0 || master.cdTable === undefined) {
    return { target: { kind: 'abort' }, ats: false };
  }
  const target = cdTableTarget(master, master.cdTable, 'terminate');
  return { target, ats: supportsAts(master) };
}

/** The device, the path to it and the SMMU can all do ATS. */
export function supportsAts(master: Master): boolean {
  return master.smmu.probe.ats && master.ats;
}

/** The device's CD table, made if it has none, with room for the CD of a SubstreamID. */
export function provideCd(master: Master, ssid: number, resources: DomainResources): CdTable {
  const { memory, allocator } = resources;
  const { twoLevelCdTable } = master.smmu.probe;
  master.cdTable ??= new CdTable(memory, allocator, master.pasidBits, twoLevelCdTable);
  master.cdTable.provide(ssid, master);
  return master.cdTable;
}

/** An STE with the device's CD table. */
export function cdTableTarget(
  master: Master,
  { configuration: cdTable }: CdTable,
  withoutSsid: Extract<SteTarget, { kind: 's1' }>['withoutSsid'],
): SteTarget {
  const stallDisabled = master.smmu.probe.stalls && !master.stallEnabled;
  return { kind: 's1', cdTable, withoutSsid, ats: supportsAts(master), stallDisabled };
}

/** @throws RangeError while PASIDs are attached: what has no CD table of the kernel's own has no place for them. */
function rejectPasids({ id, pasids }: Master): void {
  if (pasids.size > 0) throw new RangeError(`${pasids.size} PASIDs of ${id} are attached`);
}

function prepareNested(
  master: Master,
  to: Extract<Attachment, { kind: 'nested' }>,
  supported: { readonly ats: boolean; readonly rules: PolicyRules },
): Prepared {
  const { rules } = supported;
  const verdict = validateVste(to.vste, rules);
  if (!verdict.ok) throw new RangeError(`${master.id}: ${verdict.why}`);
  const { parent, vsid, vsmmu } = to;
  if (rules.vdevice === 'required' && verdict.config === 's1' && vsid === undefined) {
    throw new RangeError(`${master.id} has no vDEVICE for a stage-1 vSTE`);
  }
  const ats = supported.ats && rules.nestedAts === 'as-vste' && !refusesAts(verdict);
  const stalls = master.stallEnabled;
  const target = nestedTarget(parent, verdict.vste, { ats, rules, stalls });
  if (vsid === undefined) return { domain: parent, target, ats, guest: undefined };
  const guest = { vsid, parent: parent.id, ...(vsmmu !== undefined && { vsmmu }) };
  return { domain: parent, target, ats, guest };
}

/** What a vSTE that `validateVste` accepted becomes on a parent. */
export function nestedTarget(
  parent: NestParent,
  vste: VsteWords,
  of: { readonly ats: boolean; readonly rules: PolicyRules; readonly stalls: boolean },
): SteTarget {
  const { ats, rules, stalls } = of;
  const mergedEvents = rules.nestedMev === 'forced';
  return { kind: 'nested', stage2: { ...parent.stage2, stalls }, ats, vste, mergedEvents };
}

/**
 * A guest that translates but did not turn ATS on in its STE will send no ATC_INV, so the device must not cache. An abort
 * or bypass vSTE says nothing about ATS: stage 2 is the host's, and the host does invalidate.
 */
function refusesAts(verdict: Extract<VsteVerdict, { ok: true }>): boolean {
  return verdict.config === 's1' && !verdict.ats;
}

/** Gives every stream of a device the same STE. */
export function installStes(master: Master, target: SteTarget, steAtSync: SteObserver): void {
  const { smmu, streamIds } = master;
  const ste = composeSte(target, smmu.probe.attrTypesOverride);
  for (const streamId of streamIds) installSte(smmu, streamId, ste, steAtSync);
}

/** Writes one STE, step by step, each step made effective before the next; then hints at its use. */
function installSte(
  smmu: PhysicalSmmu,
  streamId: number,
  ste: readonly bigint[],
  steAtSync: SteObserver,
): void {
  const { id } = smmu.description;
  const StreamID = BigInt(streamId);
  const { steps } = planEntryUpdate(smmu.streamTable.read(streamId), ste);
  for (const words of steps) {
    smmu.streamTable.write(streamId, words);
    steAtSync(streamId, words);
    smmu.issue([issue(id, 'CFGI_STE', { StreamID, Leaf: 1n }), syncIssue(id)]);
  }
  smmu.issue([issue(id, 'PREFETCH_CONFIG', { StreamID })]);
}
