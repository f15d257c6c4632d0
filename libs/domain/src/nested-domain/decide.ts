import { validateVste } from '@steward/host';
import type { PolicyRules } from '@steward/host';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision } from '../decision';
import { fromHex } from '../hex';
import type { Hex } from '../hex';
import type { DeviceState } from '../device/state';
import { rulesOf } from '../host/rules';
import { whyNoNesting } from '../smmu/nesting';
import type { NestedDomainCommand } from './commands';
import { evolve } from './state';

export const nestedDomainDecider: Decider<'nested-domain'> = {
  kind: 'nested-domain',
  commands: { AllocateNestedDomain: true, FreeNestedDomain: true },
  decide: (command, context) =>
    command.type === 'AllocateNestedDomain' ? allocate(command, context) : free(command, context),
  evolve,
};

function allocate(command: Allocate, context: Context): Decision {
  const { domain, device } = command;
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
  const { parent, vsmmu } = found;
  const on = vsmmu === undefined ? { parent } : { vsmmu, parent };
  return accept(
    emit('nested-domain', domain, { type: 'NestedDomainAllocated', domain, ...on, vste }),
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
  if (viommu === undefined || viommu.vm !== master.vm) {
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
  if (s2 === undefined || s2.vm !== master.vm) {
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
  return accept(emit('nested-domain', domain, { type: 'NestedDomainFreed', domain }));
}
