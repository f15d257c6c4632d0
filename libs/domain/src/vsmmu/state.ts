import { invariant, unreachable } from '../decision';
import { fromHex } from '../hex';
import type { GuestRegister, VsmmuEvent } from './events';
import type { VirtualId } from './virtual-id';

export interface VsmmuState {
  readonly vm: string;
  readonly parent: string;
  readonly smmu: string;
  readonly vmid: number;
  /** vSID → device. */
  readonly vdevices: ReadonlyMap<VirtualId, string>;
  /** Streams of the nested domains and vEVENTQs on it; of a vEVENTQ with its type. */
  readonly users: ReadonlyMap<string, number | undefined>;
  readonly freed: boolean;
  readonly registers: ReadonlyMap<GuestRegister, bigint>;
  /** An illegal command stopped the guest's queue; there is no way on but a new vSMMU. */
  readonly stopped: boolean;
}

export function evolve(state: VsmmuState | undefined, event: VsmmuEvent): VsmmuState {
  if (event.type === 'VsmmuCreated') {
    invariant(state === undefined, `VsmmuCreated twice for ${event.vsmmu}`);
    const { vm, parent, smmu, vmid } = event;
    const nothing = { vdevices: new Map(), users: new Map(), registers: new Map() };
    return { vm, parent, smmu, vmid, ...nothing, stopped: false, freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a vSMMU that is not live`);
  const set = (register: GuestRegister, value: bigint): VsmmuState => ({
    ...state,
    registers: new Map(state.registers).set(register, value),
  });
  switch (event.type) {
    case 'VdeviceAllocated':
      invariant(!state.vdevices.has(event.vsid), `vSID ${event.vsid} allocated twice`);
      return { ...state, vdevices: new Map(state.vdevices).set(event.vsid, event.device) };
    case 'VdeviceFreed': {
      const vdevices = new Map(state.vdevices);
      invariant(vdevices.delete(event.vsid), `vSID ${event.vsid} freed while free`);
      return { ...state, vdevices };
    }
    case 'VsmmuJoined':
      return { ...state, users: new Map(state.users).set(event.user, event.queueType) };
    case 'VsmmuLeft': {
      const users = new Map(state.users);
      invariant(users.delete(event.user), `${event.user} left without having joined`);
      return { ...state, users };
    }
    case 'VsmmuFreed':
      invariant(state.vdevices.size + state.users.size === 0, `${event.vsmmu} freed while in use`);
      return { ...state, freed: true };
    case 'VsmmuRegisterWritten':
      return set(event.register, fromHex(event.value));
    case 'GuestCommandsQueued':
      return set('CMDQ_PROD', BigInt(advance(state, 'CMDQ_BASE', 'CMDQ_PROD', event.count)));
    case 'GuestCommandsCompleted':
      return { ...set('CMDQ_CONS', BigInt(event.cons)), stopped: event.error !== undefined };
    case 'GuestEventRecorded':
    case 'GuestInvalidationsForwarded':
      return state;
    default:
      return unreachable(event);
  }
}

/** Entries of a queue of the guest, 2^LOG2SIZE (IHI 0070 §3.5.1). */
export function queueEntries(state: VsmmuState, base: 'CMDQ_BASE' | 'EVENTQ_BASE'): number {
  return 2 ** Number((state.registers.get(base) ?? 0n) & 0x1fn);
}

/** A queue index moved on by `count`, with its wrap bit. */
export function advance(
  state: VsmmuState,
  base: 'CMDQ_BASE' | 'EVENTQ_BASE',
  index: GuestRegister,
  count: number,
): number {
  const span = 2 * queueEntries(state, base);
  return (Number((state.registers.get(index) ?? 0n) % BigInt(span)) + count) % span;
}

/** Entries between CMDQ_CONS and CMDQ_PROD. */
export function queuedCommands(state: VsmmuState): number {
  const span = 2 * queueEntries(state, 'CMDQ_BASE');
  const prod = advance(state, 'CMDQ_BASE', 'CMDQ_PROD', 0);
  const cons = advance(state, 'CMDQ_BASE', 'CMDQ_CONS', 0);
  return (prod - cons + span) % span;
}
