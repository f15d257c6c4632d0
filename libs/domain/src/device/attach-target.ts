import { stallsEnabled, whyNotAttach } from '@steward/host';
import type { AttachQuestion } from '@steward/host';
import { STE, STE_CONFIG } from '@steward/smmu';
import type { Context } from '../aggregates';
import type { Rejection } from '../decision';
import { fromHex } from '../hex';
import type { Hex } from '../hex';
import { rulesOf } from '../host/rules';
import { recordedVsid } from '../vsmmu/virtual-id';
import type { AttachTarget } from './events';
import type { DeviceState } from './state';

/** What a target stands on, and what the driver would say to this device. */
export type ResolvedTarget =
  | {
      readonly ok: true;
      /** The IOAS that the tables in force mirror. */
      readonly ioas: string;
      /** Facts of the attachment for its event. */
      readonly facts: {
        readonly parent?: string;
        readonly vmid?: number;
        readonly vste?: readonly [Hex, Hex];
        readonly vsid?: number;
        readonly vsmmu?: string;
        readonly faultQueue?: string;
      };
      /** Why the driver refuses; iommufd's own checks come first. */
      readonly problem?: Rejection;
    }
  | ({ readonly ok: false } & Rejection);

/**
 * Finds what a target stands on. Objects of another VM's iommufd context do not exist for this one.
 * @param pasids PASIDs of the device that its driver has on domains.
 */
export function resolveTarget(
  target: AttachTarget,
  state: DeviceState,
  pasids: number,
  context: Context,
): ResolvedTarget {
  const ask = (kind: AttachQuestion['domain']) => ({ kind, state, pasids, context });
  switch (target.kind) {
    case 's1-domain': {
      const domain = context.get('s1-domain', target.id);
      if (domain === undefined || domain.freed || domain.vm !== state.vm) return absent(target);
      return {
        ok: true,
        ioas: domain.ioas,
        facts: faultsOf(domain),
        ...lastly(refusal(target.id, domain, ask('stage1')), domain, ask('stage1')),
      };
    }
    case 's2-parent': {
      const parent = context.get('s2-parent', target.id);
      if (parent === undefined || parent.freed || parent.vm !== state.vm) return absent(target);
      const { ioas, vmid } = parent;
      const facts = { parent: target.id, vmid };
      return { ok: true, ioas, facts, ...refusal(target.id, parent, ask('stage2')) };
    }
    case 'nested-domain':
      return resolveNested(target, ask('nested'));
  }
}

/** A device that asks its driver for a domain of some kind. */
interface Asking {
  readonly kind: AttachQuestion['domain'];
  readonly state: DeviceState;
  readonly pasids: number;
  readonly context: Context;
}

function resolveNested(target: AttachTarget, asking: Asking): ResolvedTarget {
  const { state, context } = asking;
  const domain = context.get('nested-domain', target.id);
  if (domain === undefined || domain.freed) return absent(target);
  const { parent, vste, vsmmu } = domain;
  const s2 = context.get('s2-parent', parent);
  if (s2 === undefined || s2.vm !== state.vm) return absent(target);
  const { ioas, vmid } = s2;
  const facts = { parent, vmid, vste, ...faultsOf(domain) };
  const problem = refusal(parent, s2, asking);
  if (problem.problem !== undefined) return { ok: true, ioas, facts, ...problem };
  if (vsmmu !== undefined && state.vdevice?.vsmmu === vsmmu) {
    const vsid = recordedVsid(state.vdevice.vsid);
    return { ok: true, ioas, facts: { ...facts, vsid, vsmmu }, ...lastly({}, domain, asking) };
  }
  // arm_smmu_attach_prepare_vmaster(): only a vSTE that translates needs the vDEVICE.
  const translates = STE.get(vste.map(fromHex), 'Config') === STE_CONFIG.S1;
  const needed = translates && rulesOf(state.smmu, context).vdevice === 'required';
  if (!needed) return { ok: true, ioas, facts, ...lastly({}, domain, asking) };
  const reason = `no vDEVICE in ${vsmmu}`;
  return { ok: true, ioas, facts, problem: { errno: 'ENOENT', code: 'device.no-vdevice', reason } };
}

interface Faulting {
  readonly faultQueue?: string;
}

function faultsOf({ faultQueue }: Faulting): Faulting {
  return faultQueue === undefined ? {} : { faultQueue };
}

/** What the driver looks at when nothing else is wrong. */
function lastly(
  before: { readonly problem?: Rejection },
  domain: Faulting,
  { state, context }: Asking,
): { readonly problem?: Rejection } {
  if (before.problem !== undefined) return before;
  const problem = whyNoPageFaults(domain, state, context);
  return problem === undefined ? {} : { problem };
}

/** arm_smmu_enable_iopf(): it does not know which stream of a device that stalls has faulted. */
export function whyNoPageFaults(
  { faultQueue }: Faulting,
  { smmu, stalls, streamIds }: DeviceState,
  context: Context,
): Rejection | undefined {
  const probe = context.get('smmu', smmu)?.probe;
  if (faultQueue === undefined || probe === undefined || streamIds.length === 1) return undefined;
  if (!stallsEnabled(stalls, probe)) return undefined;
  const reason = `page faults of ${streamIds.length} streams cannot be told apart`;
  return { errno: 'EOPNOTSUPP', code: 'device.page-faults', reason };
}

/** Why the driver refuses before it looks at anything else. */
function refusal(
  id: string,
  domain: { readonly smmu: string },
  { kind, state, pasids, context }: Asking,
): { readonly problem?: Rejection } {
  const question = { otherSmmu: domain.smmu !== state.smmu, pasids, domain: kind };
  const refused = whyNotAttach(question, rulesOf(state.smmu, context));
  if (refused === undefined) return {};
  const code = question.otherSmmu ? 'device.other-smmu' : 'device.pasids-in-use';
  return { problem: { errno: refused.errno, code, reason: `${id}: ${refused.why}` } };
}

function absent({ kind, id }: AttachTarget): { ok: false } & Rejection {
  const reason = `no ${kind} ${id}`;
  return { ok: false, errno: 'ENOENT', code: `${kind}.absent`, reason };
}
