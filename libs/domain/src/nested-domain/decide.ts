import { validateVste } from '@steward/host';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision } from '../decision';
import { fromHex } from '../hex';
import type { Hex } from '../hex';
import type { NestedDomainCommand } from './commands';
import { evolve } from './state';

export const nestedDomainDecider: Decider<'nested-domain'> = {
  kind: 'nested-domain',
  commands: { AllocateNestedDomain: true, FreeNestedDomain: true },
  decide: (command, context) =>
    command.type === 'AllocateNestedDomain' ? allocate(command, context) : free(command, context),
  evolve,
};

/** STE.V. */
const V = 1n;

function allocate(
  command: Extract<NestedDomainCommand, { type: 'AllocateNestedDomain' }>,
  context: Context,
): Decision {
  const { domain, vsmmu, device } = command;
  if (context.get('nested-domain', domain) !== undefined) {
    return reject('EEXIST', 'nested-domain.exists', `nested domain ${domain} exists already`);
  }
  const master = context.get('device', device);
  if (master?.vm === undefined) {
    return reject('ENOENT', 'device.absent', `no bound device ${device}`);
  }
  const viommu = context.get('vsmmu', vsmmu);
  if (viommu === undefined || viommu.vm !== master.vm) {
    return reject('ENOENT', 'vsmmu.absent', `no vSMMU ${vsmmu} of ${master.vm}`);
  }
  if (viommu.smmu !== master.smmu) {
    return reject('EINVAL', 'vsmmu.other-smmu', `${device} is not behind ${viommu.smmu}`);
  }
  const verdict = validateVste([fromHex(command.vste[0]), fromHex(command.vste[1])]);
  if (!verdict.ok) return reject('EIO', 'vste.refused', `vSTE refused: ${verdict.why}`);
  // Kept as the guest gave it, EATS too: the driver decides about ATS at each attach.
  const invalid: readonly [Hex, Hex] = ['0x0', '0x0'];
  const vste = (fromHex(command.vste[0]) & V) === 0n ? invalid : command.vste;
  const { parent } = viommu;
  return accept(
    emit('nested-domain', domain, { type: 'NestedDomainAllocated', domain, vsmmu, parent, vste }),
  );
}

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
