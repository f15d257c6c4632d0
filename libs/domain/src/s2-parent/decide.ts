import { stage2Geometry } from '@steward/host';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, streamOf, unreachable } from '../decision';
import type { Decision } from '../decision';
import { addressOf, tooWide } from '../hex';
import { contains } from '../host/state';
import { mappedBeyond, SOFTWARE_MSI_WINDOW } from '../ioas/state';
import { PAGE_SIZE } from '../page';
import { freeVmid } from '../smmu/state';
import type { S2ParentCommand } from './commands';
import { evolve } from './state';

export const s2ParentDecider: Decider<'s2-parent'> = {
  kind: 's2-parent',
  commands: { AllocateNestParent: true, MapSoftwareMsi: true, FreeNestParent: true },
  decide,
  evolve,
};

function decide(command: S2ParentCommand, context: Context): Decision {
  switch (command.type) {
    case 'AllocateNestParent':
      return allocate(command, context);
    case 'MapSoftwareMsi':
      return mapDoorbell(command, context);
    case 'FreeNestParent':
      return free(command, context);
    default:
      return unreachable(command);
  }
}

function allocate(
  command: Extract<S2ParentCommand, { type: 'AllocateNestParent' }>,
  context: Context,
): Decision {
  const { parent, ioas, device } = command;
  if (context.get('s2-parent', parent) !== undefined) {
    return reject('EEXIST', 's2-parent.exists', `stage-2 parent ${parent} exists already`);
  }
  const space = context.get('ioas', ioas);
  const master = context.get('device', device);
  if (master === undefined || master.vm === undefined) {
    return reject('ENOENT', 'device.absent', `no bound device ${device}`);
  }
  if (space === undefined || space.freed || space.vm !== master.vm) {
    return reject('ENOENT', 'ioas.absent', `no IOAS ${ioas} of ${master.vm}`);
  }
  const { smmu } = master;
  const iommu = context.get('smmu', smmu);
  if (!iommu?.probe.nesting) {
    return reject('EOPNOTSUPP', 'smmu.no-nesting', `SMMU ${smmu} cannot nest`);
  }
  const vmid = freeVmid(iommu);
  if (vmid === undefined) {
    return reject('ENOSPC', 'smmu.vmids', `SMMU ${smmu} has no free VMID`);
  }
  const inputSize = stage2Geometry(iommu.probe.iasBits, iommu.probe.oas).inputSize;
  if (mappedBeyond(space, inputSize)) {
    return reject('EADDRINUSE', 'ioas.aperture', `${ioas} maps what ${parent} cannot translate`);
  }
  return accept(
    emit('s2-parent', parent, {
      type: 'NestParentAllocated',
      parent,
      vm: space.vm,
      ioas,
      smmu,
      vmid,
    }),
    emit('smmu', smmu, { type: 'SmmuVmidAllocated', vmid, parent }),
    emit('ioas', ioas, {
      type: 'IoasTableAdded',
      table: streamOf('s2-parent', parent),
      inputSize,
    }),
  );
}

function mapDoorbell(
  command: Extract<S2ParentCommand, { type: 'MapSoftwareMsi' }>,
  context: Context,
): Decision {
  const { parent, ipa, pa } = command;
  const state = context.get('s2-parent', parent);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 's2-parent.absent', `no parent ${parent}`);
  }
  const wide = tooWide(ipa, pa);
  if (wide !== undefined) {
    return reject('EINVAL', 's2-parent.msi-window', `${wide} is no address below 2^52`);
  }
  const page = { base: addressOf(ipa), size: PAGE_SIZE };
  if (page.base % PAGE_SIZE !== 0 || !contains(SOFTWARE_MSI_WINDOW, page)) {
    return reject('EINVAL', 's2-parent.msi-window', `${ipa} is no page of the software-MSI window`);
  }
  if (state.doorbells.includes(page.base)) {
    return reject('EEXIST', 's2-parent.msi-mapped', `${ipa} is mapped already`);
  }
  const vm = context.get('vm', state.vm);
  const host = vm && context.get('host', vm.host);
  const doorbell = { base: addressOf(pa), size: PAGE_SIZE };
  if (!host?.memory.some((r) => r.use === 'msi-doorbell' && contains(r, doorbell))) {
    return reject('EINVAL', 's2-parent.doorbell', `${pa} is no MSI doorbell of the host`);
  }
  return accept(emit('s2-parent', parent, { type: 'SoftwareMsiMapped', parent, ipa, pa }));
}

function free(
  { parent }: Extract<S2ParentCommand, { type: 'FreeNestParent' }>,
  context: Context,
): Decision {
  const state = context.get('s2-parent', parent);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 's2-parent.absent', `no stage-2 parent ${parent}`);
  }
  const [user] = state.users;
  if (user !== undefined) return reject('EBUSY', 's2-parent.used', `${user} uses ${parent}`);
  const { ioas, smmu, vmid } = state;
  return accept(
    emit('s2-parent', parent, { type: 'NestParentFreed', parent }),
    emit('smmu', smmu, { type: 'SmmuVmidReleased', vmid }),
    emit('ioas', ioas, { type: 'IoasTableRemoved', table: streamOf('s2-parent', parent) }),
  );
}
