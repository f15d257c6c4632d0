import { planEntryUpdate } from './entry-update';
import { atcFlushPlan, tagFlushPlan } from './invalidation-plan';
import { isUsed, merge, purge, unref } from './invalidation-array';
import { issue, syncIssue } from './issue';
import { composeSte, type SteTarget } from './ste-composition';
import { validateVste, type VsteVerdict, type VsteWords } from './vste-rules';
import type { NestParent } from './nest-parent';
import type { PhysicalSmmu } from './physical-smmu';

/** What a device is, and what it is attached to (Linux `struct arm_smmu_master`). */
export interface Master {
  readonly id: string;
  readonly smmu: PhysicalSmmu;
  /** Distinct StreamIDs, in the firmware's order. */
  readonly streamIds: readonly number[];
  /** The device and the path to it can do ATS. */
  readonly ats: boolean;
  /** Undefined while blocked. For a nested attachment: the stage-2 parent. */
  parent: NestParent | undefined;
  atsEnabled: boolean;
  /** Where the device's own faults go: the vSID in the vSMMU on `parent`. */
  vsid: number | undefined;
}

/** What to attach a device to. */
export type Attachment =
  | { readonly kind: 'blocked' }
  | { readonly kind: 'parent'; readonly parent: NestParent }
  | {
      readonly kind: 'nested';
      readonly parent: NestParent;
      readonly vste: VsteWords;
      /** vSID of the device's vDEVICE. A vSTE with Config=S1 needs one. */
      readonly vsid?: number;
    };

/** Told the words of an STE in memory at each CMD_CFGI_STE. */
export type SteObserver = (streamId: number, words: readonly bigint[]) => void;

/** The decisions of one attachment, taken before anything changes. */
interface Prepared {
  readonly parent: NestParent | undefined;
  readonly target: SteTarget;
  readonly ats: boolean;
  readonly vsid: number | undefined;
}

/**
 * Attaches a device in the driver's order (Linux `arm_smmu_attach_prepare`, `…_install_ste_for_dev`, `…_commit`), so that
 * at no moment hardware uses a domain whose changes would not reach it:
 * the new domain's invalidation targets are published, then the STE is installed, then the ATC is emptied, and last the
 * old domain's targets go; what the last user of a VMID may have left cached is removed with it.
 * @throws RangeError when the parent is on another SMMU or the vSTE cannot be attached; nothing has changed then.
 */
export function attachMaster(master: Master, to: Attachment, steAtSync: SteObserver): void {
  const prepared = prepare(master, to);
  const { smmu, streamIds } = master;
  const published = prepared.parent?.targetsOf(streamIds, prepared.ats) ?? [];
  const withdrawn = master.parent?.targetsOf(streamIds, master.atsEnabled) ?? [];
  if (prepared.parent !== undefined) {
    prepared.parent.invalidations = merge(prepared.parent.invalidations, published);
  }

  const ste = composeSte(prepared.target, smmu.probe.attrTypesOverride);
  for (const streamId of streamIds) installSte(smmu, streamId, ste, steAtSync);

  master.vsid = prepared.vsid;
  if (prepared.ats || master.atsEnabled) {
    smmu.issue(atcFlushPlan(smmu.description.id, streamIds));
  }
  if (master.parent !== undefined) {
    const old = master.parent;
    const left = unref(old.invalidations, withdrawn);
    const [tag] = withdrawn;
    if (tag !== undefined && !isUsed(left, tag)) old.smmu.issue(tagFlushPlan(tag));
    old.invalidations = purge(left);
  }
  master.parent = prepared.parent;
  master.atsEnabled = prepared.ats;
}

function prepare(master: Master, to: Attachment): Prepared {
  const nothing = {
    parent: undefined,
    target: { kind: 'abort' },
    ats: false,
    vsid: undefined,
  } as const;
  if (to.kind === 'blocked') return nothing;
  const { parent } = to;
  if (parent.smmu !== master.smmu) {
    throw new RangeError(`${parent.id} belongs to another SMMU than ${master.id}`);
  }
  const { stage2 } = parent;
  const atsSupported = master.smmu.probe.ats && master.ats;
  if (to.kind === 'parent') {
    const target = { kind: 's2', stage2, ats: atsSupported } as const;
    return { parent, target, ats: atsSupported, vsid: undefined };
  }
  const verdict = validateVste(to.vste);
  if (!verdict.ok) throw new RangeError(`${master.id}: ${verdict.why}`);
  if (verdict.config === 's1' && to.vsid === undefined) {
    throw new RangeError(`${master.id} has no vDEVICE for a stage-1 vSTE`);
  }
  const ats = atsSupported && !refusesAts(verdict);
  const target = { kind: 'nested', stage2, ats, vste: verdict.vste } as const;
  return { parent, target, ats, vsid: to.vsid };
}

/**
 * A guest that translates but did not turn ATS on in its STE will send no ATC_INV, so the device must not cache. An abort
 * or bypass vSTE says nothing about ATS: stage 2 is the host's, and the host does invalidate.
 */
function refusesAts(verdict: Extract<VsteVerdict, { ok: true }>): boolean {
  return verdict.config === 's1' && !verdict.ats;
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
