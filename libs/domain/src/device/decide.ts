import { whyNotAttach } from '@steward/host';
import type { AttachQuestion } from '@steward/host';
import { STE_CONFIG, STE } from '@steward/smmu';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, unreachable } from '../decision';
import type { Decision, Emitted } from '../decision';
import { fromHex } from '../hex';
import { mappedInSoftwareMsiWindow } from '../ioas/state';
import { rulesOf } from '../host/rules';
import type { DeviceCommand } from './commands';
import type { AttachTarget, DeviceEvent } from './events';
import { evolve } from './state';
import type { DeviceState } from './state';

export const deviceDecider: Decider<'device'> = {
  kind: 'device',
  commands: { AddDevice: true, BindDevice: true, AttachDevice: true, DetachDevice: true },
  decide,
  evolve,
};

function decide(command: DeviceCommand, context: Context): Decision {
  switch (command.type) {
    case 'AddDevice':
      return add(command, context);
    case 'BindDevice':
      return bind(command, context);
    case 'AttachDevice':
      return attach(command, context);
    case 'DetachDevice':
      return detach(command, context);
    default:
      return unreachable(command);
  }
}

type Of<T extends DeviceCommand['type']> = Extract<DeviceCommand, { type: T }>;

function add(command: Of<'AddDevice'>, context: Context): Decision {
  const { device, smmu, streamIds, canwbs, ats } = command;
  const iommu = context.get('smmu', smmu);
  if (iommu === undefined) return reject('ENOENT', 'smmu.absent', `no SMMU ${smmu}`);
  if (context.get('device', device) !== undefined) {
    return reject('EEXIST', 'device.exists', `device ${device} exists already`);
  }
  const limit = 2 ** iommu.probe.sidBits;
  const wide = streamIds.find((sid) => !Number.isInteger(sid) || sid < 0 || sid >= limit);
  if (streamIds.length === 0 || wide !== undefined) {
    return reject('EINVAL', 'device.stream-id', `${device}: StreamIDs must lie in 0..${limit - 1}`);
  }
  const taken = streamIds.find((sid) => iommu.streams.has(sid));
  if (taken !== undefined || new Set(streamIds).size !== streamIds.length) {
    return reject('EEXIST', 'device.stream-id-taken', `${device}: a StreamID is taken on ${smmu}`);
  }
  const { host } = iommu;
  return accept(
    emit('device', device, { type: 'DeviceAdded', device, host, smmu, streamIds, canwbs, ats }),
    emit('smmu', smmu, { type: 'SmmuStreamIdsClaimed', device, streamIds }),
    emit('host', host, { type: 'HostDeviceListed', device, smmu }),
  );
}

function bind(command: Of<'BindDevice'>, context: Context): Decision {
  const { device, vm } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  const guest = context.get('vm', vm);
  if (guest === undefined) return reject('ENOENT', 'vm.absent', `no VM ${vm}`);
  if (state.vm !== undefined) {
    return reject('EBUSY', 'device.bound', `device ${device} is bound to ${state.vm}`);
  }
  if (guest.host !== state.host) {
    return reject('EINVAL', 'device.other-host', `device ${device} is on ${state.host}`);
  }
  return accept(emit('device', device, { type: 'DeviceBound', device, vm }));
}

function attach(command: Of<'AttachDevice'>, context: Context): Decision {
  const { device, target } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  if (state.vm === undefined) {
    return reject('EINVAL', 'device.unbound', `device ${device} is not bound to an iommufd`);
  }
  const found = resolve(target, state, context);
  if (!found.ok) return found;
  if (same(state.attached, target)) return accept();
  // iommufd_device_attach_reserved_iova(): the device's software-MSI window must be free in the IOAS.
  const parent = context.get('s2-parent', found.parent);
  const ioas = parent && context.get('ioas', parent.ioas);
  if (parent === undefined || ioas === undefined) {
    return reject('ENOENT', 's2-parent.absent', `no stage-2 parent ${found.parent}`);
  }
  const question: AttachQuestion = {
    otherSmmu: parent.smmu !== state.smmu,
    pasids: 0, // No command attaches a PASID.
    domain: target.kind === 'nested-domain' ? 'nested' : 'stage2',
  };
  const refusal = whyNotAttach(question, rulesOf(state.smmu, context));
  if (refusal !== undefined) {
    return reject(refusal.errno, 'device.other-smmu', `${found.parent}: ${refusal.why}`);
  }
  if (mappedInSoftwareMsiWindow(ioas)) {
    return reject('EADDRINUSE', 'ioas.reserved', `${parent.ioas} maps the software-MSI window`);
  }
  const event: DeviceEvent = {
    type: 'DeviceAttached',
    device,
    target,
    parent: found.parent,
    vmid: parent.vmid,
    ...(found.vste && { vste: found.vste }),
    ...(found.vsid !== undefined && { vsid: found.vsid }),
    ...(state.attached && { replaced: state.attached }),
  };
  const reserved: Emitted[] = ioas.reserved
    ? []
    : [emit('ioas', parent.ioas, { type: 'IoasWindowReserved', device })];
  return accept(
    emit('device', device, event),
    ...reserved,
    ...left(state.attached, device),
    ...joined(target, device),
  );
}

type Resolved =
  | {
      readonly ok: true;
      readonly parent: string;
      readonly vste?: readonly [`0x${string}`, `0x${string}`];
      readonly vsid?: number;
    }
  | Extract<Decision, { ok: false }>;

/** Finds what a target stands on. Objects of another VM's iommufd context do not exist for this one. */
function resolve(target: AttachTarget, device: DeviceState, context: Context): Resolved {
  const absent = reject('ENOENT', `${target.kind}.absent`, `no ${target.kind} ${target.id}`);
  if (target.kind === 's2-parent') {
    const parent = context.get('s2-parent', target.id);
    return parent?.vm === device.vm ? { ok: true, parent: target.id } : (absent as Resolved);
  }
  const domain = context.get('nested-domain', target.id);
  if (domain === undefined || domain.freed) return absent as Resolved;
  if (context.get('s2-parent', domain.parent)?.vm !== device.vm) return absent as Resolved;
  const vsid =
    domain.vsmmu !== undefined && device.vdevice?.vsmmu === domain.vsmmu
      ? device.vdevice.vsid
      : undefined;
  // arm_smmu_attach_prepare_vmaster(): only a vSTE that translates needs the vDEVICE.
  const rules = rulesOf(device.smmu, context);
  const config = STE.get(domain.vste.map(fromHex), 'Config');
  if (vsid === undefined && config === STE_CONFIG.S1 && rules.vdevice === 'required') {
    return reject('ENOENT', 'device.no-vdevice', `no vDEVICE in ${domain.vsmmu}`) as Resolved;
  }
  const { parent, vste } = domain;
  return { ok: true, parent, vste, ...(vsid !== undefined && { vsid }) };
}

function detach(command: Of<'DetachDevice'>, context: Context): Decision {
  const { device } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  if (state.attached === undefined) return accept();
  const from = state.attached;
  return accept(
    emit('device', device, { type: 'DeviceDetached', device, from }),
    ...left(from, device),
  );
}

function same(a: AttachTarget | undefined, b: AttachTarget): boolean {
  return a?.kind === b.kind && a.id === b.id;
}

function joined(target: AttachTarget, device: string): Emitted[] {
  if (target.kind !== 'nested-domain') return [];
  return [emit('nested-domain', target.id, { type: 'NestedDomainJoined', device })];
}

function left(target: AttachTarget | undefined, device: string): Emitted[] {
  if (target?.kind !== 'nested-domain') return [];
  return [emit('nested-domain', target.id, { type: 'NestedDomainLeft', device })];
}
