import { invariant, unreachable } from '../decision';
import type { VirtualId } from '../vsmmu/virtual-id';
import type { AttachTarget, DeviceEvent } from './events';

export interface DeviceState {
  readonly host: string;
  readonly smmu: string;
  readonly streamIds: readonly number[];
  readonly canwbs: boolean;
  /** It can do ATS, and its root complex lets it. */
  readonly ats: boolean;
  /** It has a function-level reset. */
  readonly resets: boolean;
  /** The guest whose VMM bound it; absent while the host kernel holds it. */
  readonly vm?: string;
  readonly vdevice?: { readonly vsmmu: string; readonly vsid: VirtualId };
  /** Absent: the blocked domain. */
  readonly attached?: AttachTarget;
}

export function evolve(state: DeviceState | undefined, event: DeviceEvent): DeviceState {
  if (event.type === 'DeviceAdded') {
    invariant(state === undefined, `DeviceAdded twice for ${event.device}`);
    const { host, smmu, streamIds, canwbs, ats, resets = false } = event;
    return { host, smmu, streamIds, canwbs, ats, resets };
  }
  invariant(state !== undefined, `${event.type} before DeviceAdded`);
  switch (event.type) {
    case 'DeviceBound':
      invariant(state.vm === undefined, `${event.device} bound twice`);
      return { ...state, vm: event.vm };
    case 'DeviceVirtualized':
      invariant(state.vdevice === undefined, `${event.device} has a vDEVICE already`);
      return { ...state, vdevice: { vsmmu: event.vsmmu, vsid: event.vsid } };
    case 'DeviceAttached':
      invariant(state.vm !== undefined, `${event.device} attached while not bound`);
      return { ...state, attached: event.target };
    case 'DeviceDetached': {
      const { attached, ...rest } = state;
      invariant(attached !== undefined, `${event.device} detached while not attached`);
      return rest;
    }
    case 'DeviceDevirtualized': {
      const { vdevice, ...rest } = state;
      invariant(vdevice !== undefined, `${event.device} has no vDEVICE`);
      return rest;
    }
    case 'DeviceReset':
      return state;
    case 'DeviceReleased': {
      const { vm, ...rest } = state;
      invariant(vm !== undefined, `${event.device} released while not bound`);
      invariant(state.attached === undefined, `${event.device} released while attached`);
      return rest;
    }
    default:
      return unreachable(event);
  }
}
