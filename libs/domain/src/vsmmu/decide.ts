import { convertGuestCommand, GUEST_BATCH } from '@steward/host';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, streamOf, unreachable } from '../decision';
import type { Decision, Emitted } from '../decision';
import { toHex } from '../hex';
import { rulesOf } from '../host/rules';
import { whyNoNesting } from '../smmu/nesting';
import type { VsmmuCommand } from './commands';
import { evolve, queuedCommands, queueEntries } from './state';
import type { VsmmuState } from './state';
import { isVirtualId } from './virtual-id';
import type { VirtualId } from './virtual-id';

export const vsmmuDecider: Decider<'vsmmu'> = {
  kind: 'vsmmu',
  commands: {
    CreateVsmmu: true,
    AllocateVdevice: true,
    FreeVdevice: true,
    FreeVsmmu: true,
    WriteGuestRegister: true,
    QueueGuestCommands: true,
    ForwardInvalidations: true,
    CompleteGuestCommands: true,
    RecordGuestEvent: true,
  },
  decide,
  evolve,
};

type Of<T extends VsmmuCommand['type']> = Extract<VsmmuCommand, { type: T }>;

const COMMAND_WORDS = 2;
const EVENT_WORDS = 4;
const CMDQEN = 8n; // CR0 bit 3
const EVENTQEN = 4n; // CR0 bit 2

function decide(command: VsmmuCommand, context: Context): Decision {
  if (command.type === 'CreateVsmmu') return create(command, context);
  const { vsmmu } = command;
  const state = context.get('vsmmu', vsmmu);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 'vsmmu.absent', `no vSMMU ${vsmmu}`);
  }
  switch (command.type) {
    case 'AllocateVdevice':
      return allocateVdevice(command, state, context);
    case 'FreeVdevice':
      return freeVdevice(command, context);
    case 'FreeVsmmu':
      return free(command, state);
    case 'WriteGuestRegister': {
      const { register, value } = command;
      return accept(emit('vsmmu', vsmmu, { type: 'VsmmuRegisterWritten', vsmmu, register, value }));
    }
    case 'QueueGuestCommands':
      return queue(command, state);
    case 'ForwardInvalidations':
      return forward(command, state, context);
    case 'CompleteGuestCommands': {
      const { cons, error } = command;
      const span = 2 * queueEntries(state, 'CMDQ_BASE');
      if (!Number.isInteger(cons) || cons < 0 || cons >= span) {
        return reject('EINVAL', 'vsmmu.cons', `${cons} is no index of the queue of ${vsmmu}`);
      }
      const stop = error === undefined ? {} : { error };
      return accept(emit('vsmmu', vsmmu, { type: 'GuestCommandsCompleted', vsmmu, cons, ...stop }));
    }
    case 'RecordGuestEvent':
      return recordEvent(command, state);
    default:
      return unreachable(command);
  }
}

function create(command: Of<'CreateVsmmu'>, context: Context): Decision {
  const { vsmmu, parent, device, idr } = command;
  if (context.get('vsmmu', vsmmu) !== undefined) {
    return reject('EEXIST', 'vsmmu.exists', `vSMMU ${vsmmu} exists already`);
  }
  const master = context.get('device', device);
  if (master?.vm === undefined) {
    return reject('ENOENT', 'device.absent', `no bound device ${device}`);
  }
  if (rulesOf(master.smmu, context).nestedOn !== 'vsmmu') {
    return reject('EOPNOTSUPP', 'vsmmu.policy', 'the policy of this host knows no vIOMMU');
  }
  const why = whyNoNesting(context.get('smmu', master.smmu), master);
  if (why !== undefined) {
    return reject('EOPNOTSUPP', 'vsmmu.unsupported', `${master.smmu} ${why}`);
  }
  const s2 = context.get('s2-parent', parent);
  if (s2 === undefined && context.get('s1-domain', parent)?.freed === false) {
    return reject('EINVAL', 'vsmmu.no-parent', `${parent} is no nest parent`);
  }
  if (s2 === undefined || s2.freed || s2.vm !== master.vm) {
    return reject('ENOENT', 's2-parent.absent', `no nest parent ${parent} of ${master.vm}`);
  }
  if (s2.smmu !== master.smmu) {
    return reject('EINVAL', 'vsmmu.other-smmu', `parent ${parent} is on ${s2.smmu}`);
  }
  const { vm, smmu, vmid } = s2;
  const user = streamOf('vsmmu', vsmmu);
  return accept(
    emit('vsmmu', vsmmu, { type: 'VsmmuCreated', vsmmu, vm, parent, smmu, vmid, idr }),
    emit('s2-parent', parent, { type: 'NestParentJoined', user }),
  );
}

function allocateVdevice(
  command: Of<'AllocateVdevice'>,
  state: VsmmuState,
  context: Context,
): Decision {
  const { vsmmu, device, vsid } = command;
  if (!isVirtualId(vsid)) {
    return reject('EINVAL', 'vsmmu.vsid', `vSID ${vsid} is no 32-bit number and no wider in hex`);
  }
  const master = context.get('device', device);
  if (master === undefined || master.vm !== state.vm) {
    return reject('ENOENT', 'device.absent', `no device ${device} of ${state.vm}`);
  }
  if (master.smmu !== state.smmu) {
    return reject('EINVAL', 'vsmmu.other-smmu', `${device} is not behind ${state.smmu}`);
  }
  if (master.vdevice !== undefined) {
    return reject('EEXIST', 'device.vdevice', `${device} has a vDEVICE in ${master.vdevice.vsmmu}`);
  }
  if (state.vdevices.has(vsid)) {
    return reject('EEXIST', 'vsmmu.vsid', `vSID ${toHex(BigInt(vsid))} is taken in ${vsmmu}`);
  }
  return accept(
    emit('vsmmu', vsmmu, { type: 'VdeviceAllocated', vsmmu, device, vsid }),
    emit('device', device, { type: 'DeviceVirtualized', device, vsmmu, vsid }),
  );
}

function queue({ vsmmu, words }: Of<'QueueGuestCommands'>, state: VsmmuState): Decision {
  const count = words.length / COMMAND_WORDS;
  if (count === 0 || !Number.isInteger(count)) {
    return reject('EINVAL', 'vsmmu.commands', 'commands are two words each, at least one command');
  }
  if (((state.registers.get('CR0') ?? 0n) & CMDQEN) === 0n) {
    return reject('ENXIO', 'vsmmu.cmdq-off', `the guest has not enabled the queue of ${vsmmu}`);
  }
  if (state.stopped) {
    return reject('EIO', 'vsmmu.cmdq-stopped', `a command stopped the queue of ${vsmmu}`);
  }
  if (queuedCommands(state) + count > queueEntries(state, 'CMDQ_BASE')) {
    return reject('ENOSPC', 'vsmmu.cmdq-full', `the command queue of ${vsmmu} is full`);
  }
  return accept(emit('vsmmu', vsmmu, { type: 'GuestCommandsQueued', vsmmu, count, words }));
}

/**
 * HWPT_INVALIDATE (arm_vsmmu_cache_invalidate): entries are converted in order and issued in batches of 63. One that cannot be
 * converted ends it: earlier batches have been issued, entries before it in its own batch have not, though the kernel counts
 * them as handled.
 */
function forward(
  { vsmmu, words }: Of<'ForwardInvalidations'>,
  state: VsmmuState,
  context: Context,
): Decision {
  const entries = words.length / COMMAND_WORDS;
  if (entries === 0 || !Number.isInteger(entries)) {
    return reject('EINVAL', 'vsmmu.entries', 'HWPT_INVALIDATE needs entries of two words each');
  }
  const probe = context.get('smmu', state.smmu)?.probe;
  if (probe === undefined) return reject('ENOENT', 'smmu.absent', `no SMMU ${state.smmu}`);
  // Which StreamID a vSID becomes is the driver's business when it issues; here it only must exist.
  const streamIdOf = (vsid: number) => (state.vdevices.has(vsid) ? 0 : undefined);
  let handled = 0;
  while (handled < entries) {
    const entry = [words[2 * handled] ?? 0n, words[2 * handled + 1] ?? 0n] as const;
    if (convertGuestCommand(entry, { vmid: state.vmid, streamIdOf, probe }) === undefined) break;
    handled += 1;
  }
  const answer = { handled };
  const event = (count: number): Emitted => {
    const issued = words.slice(0, count * COMMAND_WORDS);
    return emit('vsmmu', vsmmu, {
      type: 'GuestInvalidationsForwarded',
      vsmmu,
      count,
      words: issued,
    });
  };
  if (handled === entries) return { ok: true, events: [event(entries)], answer };
  const reason = `entry ${handled} cannot be forwarded`;
  const stopped = { errno: 'EIO', code: 'vsmmu.entry', reason } as const;
  const issued = handled - (handled % GUEST_BATCH);
  if (issued === 0) return { ok: false, ...stopped, answer };
  return { ok: true, events: [event(issued)], stopped, answer };
}

function recordEvent({ vsmmu, words }: Of<'RecordGuestEvent'>, state: VsmmuState): Decision {
  if (words.length !== EVENT_WORDS) {
    return reject('EINVAL', 'vsmmu.record', 'an event record is four words');
  }
  if (((state.registers.get('CR0') ?? 0n) & EVENTQEN) === 0n) {
    return reject('ENXIO', 'vsmmu.eventq-off', `the guest has not enabled events of ${vsmmu}`);
  }
  return accept(emit('vsmmu', vsmmu, { type: 'GuestEventRecorded', vsmmu, words }));
}

function freeVdevice({ vsmmu, device }: Of<'FreeVdevice'>, context: Context): Decision {
  const vdevice = context.get('device', device)?.vdevice;
  if (vdevice?.vsmmu !== vsmmu) {
    return reject('ENOENT', 'vsmmu.vdevice', `${device} has no vDEVICE in ${vsmmu}`);
  }
  return accept(...vdeviceGone(device, vdevice));
}

/** The events of a vDEVICE's end. An attachment keeps the vSID it was made with. */
export function vdeviceGone(
  device: string,
  { vsmmu, vsid }: { readonly vsmmu: string; readonly vsid: VirtualId },
): Emitted[] {
  return [
    emit('vsmmu', vsmmu, { type: 'VdeviceFreed', vsmmu, device, vsid }),
    emit('device', device, { type: 'DeviceDevirtualized', device, vsmmu, vsid }),
  ];
}

function free({ vsmmu }: Of<'FreeVsmmu'>, state: VsmmuState): Decision {
  const [used] = [...state.users.keys(), ...state.vdevices.values()];
  if (used !== undefined) return reject('EBUSY', 'vsmmu.used', `${used} uses ${vsmmu}`);
  const user = streamOf('vsmmu', vsmmu);
  return accept(
    emit('vsmmu', vsmmu, { type: 'VsmmuFreed', vsmmu }),
    emit('s2-parent', state.parent, { type: 'NestParentLeft', user }),
  );
}
