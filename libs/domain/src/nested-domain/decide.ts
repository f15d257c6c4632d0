import { validateVste } from '@steward/host';
import type { PolicyRules } from '@steward/host';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, streamOf } from '../decision';
import type { Decision, Emitted } from '../decision';
import { joinedQueue, leftQueue, queueProblem } from '../fault-queue/users';
import { fromHex } from '../hex';
import type { Hex } from '../hex';
import type { DeviceState } from '../device/state';
import { rulesOf } from '../host/rules';
import { whyNoNesting } from '../smmu/nesting';
import type { NestedDomainCommand } from './commands';
import { evolve } from './state';
import type { NestedDomainState } from './state';

export const nestedDomainDecider: Decider<'nested-domain'> = {
  kind: 'nested-domain',
  commands: { AllocateNestedDomain: true, FreeNestedDomain: true },
  decide: (command, context) =>
    command.type === 'AllocateNestedDomain' ? allocate(command, context) : free(command, context),
  evolve,
};

function allocate(command: Allocate, context: Context): Decision {
  const { domain, device, faultQueue } = command;
  if (context.get('nested-domain', domain) !== undefined) {
    return reject('EEXIST', 'nested-domain.exists', `nested domain ${domain} exists already`);
  }
  const master = context.get('device', device);
  if (master?.vm === undefined) {
    return reject('ENOENT', 'device.absent', `no bound device ${device}`);
  }
  const rules = rulesOf(master.smmu, context);
  const below = command.vsmmu === undefined ? onParent : onVsmmu;
  const found = below(command, master, { context, rules });
  if (!found.ok) return found;
  const offered = [fromHex(command.vste[0]), fromHex(command.vste[1])] as const;
  const verdict = validateVste(offered, rules);
  if (!verdict.ok) return reject('EIO', 'vste.refused', `vSTE refused: ${verdict.why}`);
  // Kept as the guest gave it, EATS too: the driver decides about ATS at each attach.
  const zeroed = verdict.vste.every((word) => word === 0n);
  const vste: readonly [Hex, Hex] = zeroed ? ['0x0', '0x0'] : command.vste;
  const problem = queueProblem(faultQueue, context);
  if (problem !== undefined) return { ok: false, ...problem };
  const { parent, vsmmu } = found;
  const on = vsmmu === undefined ? { parent } : { vsmmu, parent };
  const queue = faultQueue === undefined ? {} : { faultQueue };
  const user = streamOf('nested-domain', domain);
  const allocated = { domain, ...on, vste, ...queue };
  return accept(
    emit('nested-domain', domain, { type: 'NestedDomainAllocated', ...allocated }),
    vsmmu === undefined
      ? emit('s2-parent', parent, { type: 'NestParentJoined', user })
      : emit('vsmmu', vsmmu, { type: 'VsmmuJoined', user }),
    ...joinedQueue(faultQueue, user),
  );
}

type Allocate = Extract<NestedDomainCommand, { type: 'AllocateNestedDomain' }>;
type Below =
  | { readonly ok: true; readonly parent: string; readonly vsmmu?: string }
  | Extract<Decision, { ok: false }>;
interface Asked {
  readonly context: Context;
  readonly rules: PolicyRules;
}

function onVsmmu({ vsmmu = '', device }: Allocate, master: DeviceState, { context }: Asked): Below {
  const viommu = context.get('vsmmu', vsmmu);
  if (viommu === undefined || viommu.freed || viommu.vm !== master.vm) {
    return refuse('ENOENT', 'vsmmu.absent', `no vSMMU ${vsmmu} of ${master.vm}`);
  }
  if (viommu.smmu !== master.smmu) {
    return refuse('EINVAL', 'vsmmu.other-smmu', `${device} is not behind ${viommu.smmu}`);
  }
  return { ok: true, vsmmu, parent: viommu.parent };
}

/** Linux `arm_smmu_domain_alloc_nesting` of the first posting, check by check. */
function onParent({ parent = '', device }: Allocate, master: DeviceState, asked: Asked): Below {
  const { context, rules } = asked;
  const s2 = context.get('s2-parent', parent);
  if (s2 === undefined || s2.freed || s2.vm !== master.vm) {
    return refuse('ENOENT', 's2-parent.absent', `no nest parent ${parent} of ${master.vm}`);
  }
  if (rules.nestedOn !== 's2-parent') {
    return refuse('EOPNOTSUPP', 'nested-domain.policy', 'nested domains are allocated on a vIOMMU');
  }
  const why = whyNoNesting(context.get('smmu', master.smmu), master);
  if (why !== undefined) {
    return refuse('EOPNOTSUPP', 'nested-domain.unsupported', `${master.smmu} ${why}`);
  }
  if (s2.smmu !== master.smmu) {
    return refuse('EINVAL', 's2-parent.other-smmu', `${device} is not behind ${s2.smmu}`);
  }
  return { ok: true, parent };
}

const refuse = (...why: Parameters<typeof reject>): Below => reject(...why) as Below;

function free(
  command: Extract<NestedDomainCommand, { type: 'FreeNestedDomain' }>,
  context: Context,
): Decision {
  const { domain } = command;
  const state = context.get('nested-domain', domain);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 'nested-domain.absent', `no nested domain ${domain}`);
  }
  if (state.attached.size > 0) {
    const users = [...state.attached].join(', ');
    return reject('EBUSY', 'nested-domain.attached', `${domain} is attached to ${users}`);
  }
  const user = streamOf('nested-domain', domain);
  return accept(
    emit('nested-domain', domain, { type: 'NestedDomainFreed', domain }),
    ...leftBelow(state, user, context),
    ...leftQueue(state.faultQueue, user),
  );
}

/** What it stood on counts it no longer. Logs of before such objects were freed do not say that it joined. */
function leftBelow(
  { vsmmu, parent }: NestedDomainState,
  user: string,
  context: Context,
): Emitted[] {
  if (vsmmu !== undefined) {
    if (context.get('vsmmu', vsmmu)?.users.has(user) !== true) return [];
    return [emit('vsmmu', vsmmu, { type: 'VsmmuLeft', user })];
  }
  if (context.get('s2-parent', parent)?.users.has(user) !== true) return [];
  return [emit('s2-parent', parent, { type: 'NestParentLeft', user })];
}
