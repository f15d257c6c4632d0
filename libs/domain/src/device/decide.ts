import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, streamOf, unreachable } from '../decision';
import type { Decision, Emitted, Rejection } from '../decision';
import { lowestFree } from '../id-space';
import { PAGE_SIZE } from '../page';
import { allocation } from '../s1-domain/decide';
import type { SmmuState } from '../smmu/state';
import { vdeviceGone } from '../vsmmu/decide';
import { joined, left, windowEvents, windowProblem } from './attach-events';
import { resolveTarget } from './attach-target';
import type { ResolvedTarget } from './attach-target';
import type { DeviceCommand, IoasTarget } from './commands';
import type { AttachTarget, DeviceEvent } from './events';
import { evolve } from './state';
import {
  attachPasid,
  besidePasids,
  detachPasid,
  PASID_BITS_MAX,
  pasidsDetached,
  pasidsInUse,
  whyVfioRefuses,
} from './pasids';
import type { DeviceState } from './state';

export const deviceDecider: Decider<'device'> = {
  kind: 'device',
  commands: {
    AddDevice: true,
    BindDevice: true,
    AttachDevice: true,
    DetachDevice: true,
    AttachPasid: true,
    DetachPasid: true,
    ReleaseDevice: true,
  },
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
      return attach(command, false, context);
    case 'DetachDevice':
      return detach(command, false, context);
    case 'AttachPasid':
      return isWithoutPasid(command)
        ? attach(command, true, context)
        : attachPasid(command, context);
    case 'DetachPasid':
      return isWithoutPasid(command)
        ? detach(command, true, context)
        : detachPasid(command, context);
    case 'ReleaseDevice':
      return release(command, context);
    default:
      return unreachable(command);
  }
}

/** To iommufd PASID 0 is the device's traffic without one (IOMMU_NO_PASID). VFIO alone keeps the two calls apart. */
function isWithoutPasid({ pasid, holder }: Of<'AttachPasid' | 'DetachPasid'>): boolean {
  return pasid === 0 && holder === 'iommufd';
}

type Of<T extends DeviceCommand['type']> = Extract<DeviceCommand, { type: T }>;

function add(command: Of<'AddDevice'>, context: Context): Decision {
  const { device, smmu, streamIds, canwbs, ats, atc, resets, stalls, pasidBits } = command;
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
  if (pasidBits !== undefined && !isPasidWidth(pasidBits)) {
    const reason = `${device}: PASIDs have 1..${PASID_BITS_MAX} bits`;
    return reject('EINVAL', 'device.pasid-bits', reason);
  }
  const { host } = iommu;
  const dmaAsid = freeAsid(host, iommu, context);
  const dma = dmaAsid === undefined ? {} : { dmaAsid };
  const flr = resets === undefined ? {} : { resets };
  const pasids = pasidBits === undefined ? {} : { pasidBits };
  const waits = stalls === undefined ? {} : { stalls };
  const cache = atc === undefined ? {} : { atc };
  const added = {
    device,
    host,
    smmu,
    streamIds,
    canwbs,
    ats,
    ...cache,
    ...flr,
    ...waits,
    ...pasids,
    ...dma,
  };
  return accept(
    emit('device', device, { type: 'DeviceAdded', ...added }),
    emit('smmu', smmu, { type: 'SmmuStreamIdsClaimed', device, streamIds }),
    emit('host', host, { type: 'HostDeviceListed', device, smmu }),
    ...(dmaAsid === undefined ? [] : [asidTaken(host, dmaAsid, device)]),
  );
}

function isPasidWidth(bits: number): boolean {
  return Number.isInteger(bits) && bits >= 1 && bits <= PASID_BITS_MAX;
}

/** The kernel's own DMA domain is a stage 1; without one, or without a free ASID, the device stays blocked. */
function freeAsid(host: string, { probe }: SmmuState, context: Context): number | undefined {
  if (!probe.stage1 || !probe.pageSizes.includes(PAGE_SIZE)) return undefined;
  return lowestFree(context.get('host', host)?.asids ?? [], 1, 2 ** probe.asidBits - 1);
}

function asidTaken(host: string, asid: number, device: string): Emitted {
  const owner = streamOf('device', device);
  return emit('host', host, { type: 'HostAsidAllocated', asid, owner });
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

function release(command: Of<'ReleaseDevice'>, context: Context): Decision {
  const { device } = command;
  const state = context.get('device', device);
  if (state?.vm === undefined) {
    return reject('ENODEV', 'device.absent', `no bound device ${device}`);
  }
  const itself = detached(device, state, context);
  const asPasid = state.attachedAsPasid === true;
  return accept(
    ...pasidsDetached(device, state, 'kernel', context),
    ...reset(device, state, context),
    ...(asPasid ? itself : []),
    ...pasidsDetached(device, state, 'iommufd', context),
    ...(asPasid ? [] : itself),
    ...(state.vdevice === undefined ? [] : vdeviceGone(device, state.vdevice)),
    emit('device', device, { type: 'DeviceReleased', device }),
  );
}

/** vfio_pci_core_disable() resets what can be reset, while it is still attached. */
function reset(device: string, state: DeviceState, context: Context): Emitted[] {
  const held = [...state.pasids.values()].filter(({ holder }) => holder === 'iommufd');
  if (!state.resets || (state.attached === undefined && held.length === 0)) return [];
  // The PASIDs are blocked before the device is put back, and put back behind it.
  const found = state.attached && resolveTarget(state.attached, state, 0, context);
  const restored = found?.ok === true && found.problem === undefined;
  return [emit('device', device, { type: 'DeviceReset', device, restored })];
}

function attach(
  command: Of<'AttachDevice'> | Of<'AttachPasid'>,
  asPasid: boolean,
  context: Context,
): Decision {
  const { device } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  if (state.vm === undefined) {
    return reject('EINVAL', 'device.unbound', `device ${device} is not bound to an iommufd`);
  }
  const refused = asPasid ? whyVfioRefuses(0, state, context) : undefined;
  if (refused !== undefined) return { ok: false, ...refused };
  const { target } = command;
  return target.kind === 'ioas'
    ? attachToIoas({ device, state, target, asPasid }, context)
    : attachTo({ device, state, target, asPasid }, context);
}

interface Attaching<Target = AttachTarget> {
  readonly device: string;
  readonly state: DeviceState;
  readonly target: Target;
  /** Asked for as PASID 0. */
  readonly asPasid: boolean;
  /** Events that make the target, and the IOAS it will mirror, when it is not there yet. */
  readonly made?: { readonly events: readonly Emitted[]; readonly ioas: string };
}

/** VFIO replaces what it attached by the same kind of call; else iommufd is asked to attach once more (iommufd_device_attach). */
function whyAttachedOtherwise({
  device,
  state,
  asPasid,
}: Attaching<unknown>): Rejection | undefined {
  if (state.attached === undefined || (state.attachedAsPasid === true) === asPasid)
    return undefined;
  const reason = `${device} is attached already, ${asPasid ? 'not as' : 'as'} PASID 0`;
  return { errno: 'EBUSY', code: 'device.attached', reason };
}

function attachTo(attaching: Attaching, context: Context): Decision {
  const { device, state, target, asPasid, made } = attaching;
  const found: ResolvedTarget = made
    ? { ok: true, ioas: made.ioas, facts: {} }
    : resolveTarget(target, state, pasidsInUse(state, context), context);
  if (!found.ok) return { ...found };
  const otherwise = whyAttachedOtherwise(attaching);
  if (otherwise !== undefined) return { ok: false, ...otherwise };
  const answer = { domain: target.id };
  if (same(state.attached, target)) return { ok: true, events: [], answer };
  const problem =
    windowProblem(found.ioas, context) ?? besidePasids(device, target, context) ?? found.problem;
  if (problem !== undefined) return { ok: false, ...problem };
  const event: DeviceEvent = {
    type: 'DeviceAttached',
    device,
    target,
    ...found.facts,
    ...(asPasid && { asPasid }),
    ...(state.attached && { replaced: state.attached }),
  };
  const events = [
    ...(made?.events ?? []),
    emit('device', device, event),
    ...windowEvents(device, state.attached, found.ioas, context),
    ...left(state.attached, device, context),
    ...joined(target, device),
  ];
  return { ok: true, events, answer };
}

/**
 * iommufd_device_auto_get_domain(): an automatic domain of the IOAS that fits the device's SMMU, or a new one; it goes
 * with its last device.
 */
function attachToIoas(attaching: Attaching<IoasTarget>, context: Context): Decision {
  const { device, state, asPasid } = attaching;
  const { id: ioas, automatic } = attaching.target;
  const space = context.get('ioas', ioas);
  if (space === undefined || space.freed || space.vm !== state.vm) {
    return reject('ENOENT', 'ioas.absent', `no IOAS ${ioas}`);
  }
  const otherwise = whyAttachedOtherwise(attaching);
  if (otherwise !== undefined) return { ok: false, ...otherwise };
  const prefix = streamOf('s1-domain', '');
  const domains = [...space.tables.keys()].filter((table) => table.startsWith(prefix));
  const fitting = domains
    .map((table) => table.slice(prefix.length))
    .find((id) => {
      const domain = context.get('s1-domain', id);
      return domain?.automatic === true && domain.smmu === state.smmu;
    });
  const target = { kind: 's1-domain', id: fitting ?? automatic } as const;
  const to = { device, state, target, asPasid };
  if (fitting !== undefined) return attachTo(to, context);
  const made = allocation({ domain: automatic, ioas, device, automatic: true }, context);
  if (!made.ok) return { ...made };
  return attachTo({ ...to, made: { events: made.events, ioas } }, context);
}

function detach(
  command: Of<'DetachDevice'> | Of<'DetachPasid'>,
  asPasid: boolean,
  context: Context,
): Decision {
  const { device } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  if ((state.attachedAsPasid === true) !== asPasid) return accept();
  return accept(...detached(device, state, context));
}

function detached(device: string, state: DeviceState, context: Context): Emitted[] {
  const from = state.attached;
  if (from === undefined) return [];
  return [
    emit('device', device, { type: 'DeviceDetached', device, from }),
    ...windowEvents(device, from, undefined, context),
    ...left(from, device, context),
  ];
}

function same(a: AttachTarget | undefined, b: AttachTarget): boolean {
  return a?.kind === b.kind && a.id === b.id;
}
