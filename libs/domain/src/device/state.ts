import { invariant, unreachable } from '../decision';
import type { VirtualId } from '../vsmmu/virtual-id';
import type { AttachTarget, DeviceEvent, PasidHolder } from './events';

export interface DeviceState {
  readonly host: string;
  readonly smmu: string;
  readonly streamIds: readonly number[];
  readonly canwbs: boolean;
  /** It can do ATS, and its root complex lets it. */
  readonly ats: boolean;
  /** It has a function-level reset. */
  readonly resets: boolean;
  /** Its transactions can wait when they fault. */
  readonly stalls: boolean;
  /** log2 of the PASIDs it can send, 0 where it can send none. */
  readonly pasidBits: number;
  /** The guest whose VMM bound it; absent while the host kernel holds it. */
  readonly vm?: string;
  readonly vdevice?: { readonly vsmmu: string; readonly vsid: VirtualId };
  /** Absent: the blocked domain. */
  readonly attached?: AttachTarget;
  /** It was attached as PASID 0. */
  readonly attachedAsPasid?: boolean;
  /** What PASIDs are attached to, in ascending order of PASID. */
  readonly pasids: ReadonlyMap<number, PasidAttached>;
}

export interface PasidAttached {
  /** The stage-1 domain. */
  readonly domain: string;
  readonly holder: PasidHolder;
}

export function evolve(state: DeviceState | undefined, event: DeviceEvent): DeviceState {
  if (event.type === 'DeviceAdded') {
    invariant(state === undefined, `DeviceAdded twice for ${event.device}`);
    const {
      host,
      smmu,
      streamIds,
      canwbs,
      ats,
      resets = false,
      stalls = false,
      pasidBits = 0,
    } = event;
    return { host, smmu, streamIds, canwbs, ats, resets, stalls, pasidBits, pasids: new Map() };
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
      return {
        ...state,
        attached: event.target,
        ...(event.asPasid === true && { attachedAsPasid: true }),
      };
    case 'DeviceDetached': {
      const { attached, attachedAsPasid: _, ...rest } = state;
      invariant(attached !== undefined, `${event.device} detached while not attached`);
      return rest;
    }
    case 'DevicePasidAttached': {
      const { pasid, domain, holder } = event;
      invariant(
        state.vm !== undefined,
        `PASID ${pasid} attached while ${event.device} is not bound`,
      );
      const pasids = new Map(state.pasids).set(pasid, { domain, holder });
      return { ...state, pasids: new Map([...pasids].sort(([a], [b]) => a - b)) };
    }
    case 'DevicePasidDetached': {
      const pasids = new Map(state.pasids);
      invariant(pasids.delete(event.pasid), `PASID ${event.pasid} detached while not attached`);
      return { ...state, pasids };
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
      invariant(state.pasids.size === 0, `${event.device} released with PASIDs attached`);
      return rest;
    }
    default:
      return unreachable(event);
  }
}
