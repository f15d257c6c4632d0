import { addressOf } from '../hex';
import { invariant, unreachable } from '../decision';
import { giveBack, isTaken, take } from '../id-space';
import type { IdSpace } from '../id-space';
import type { HostEvent, Policy, RegionUse } from './events';

export interface Range {
  readonly base: number;
  readonly size: number;
}

export interface HostState {
  readonly policy: Policy;
  /** Present once it is gone for good. */
  readonly closed?: true;
  readonly memory: readonly (Range & { readonly use: RegionUse })[];
  readonly smmus: readonly string[];
  readonly devices: readonly string[];
  /** Guest RAM that is taken, by physical address. */
  readonly assigned: readonly (Range & { readonly vm: string })[];
  /** ASIDs in use. The driver has one space of them for all SMMUs (arm_smmu_asid_xa). */
  readonly asids: IdSpace;
}

export function evolve(state: HostState | undefined, event: HostEvent): HostState {
  if (event.type === 'HostRegistered') {
    invariant(state === undefined, `HostRegistered twice for ${event.host}`);
    const memory = event.memory.map((r) => ({
      use: r.use,
      base: addressOf(r.base),
      size: addressOf(r.size),
    }));
    return { policy: event.policy, memory, smmus: [], devices: [], assigned: [], asids: [] };
  }
  invariant(state !== undefined, `${event.type} before HostRegistered`);
  switch (event.type) {
    case 'HostPolicyChanged':
      return { ...state, policy: event.policy };
    case 'HostClosed':
      return { ...state, closed: true };
    case 'HostSmmuListed':
      return { ...state, smmus: [...state.smmus, event.smmu] };
    case 'HostDeviceListed':
      return { ...state, devices: [...state.devices, event.device] };
    case 'HostRamAssigned': {
      const added = event.ranges.map((r) => ({
        vm: event.vm,
        base: addressOf(r.pa),
        size: addressOf(r.size),
      }));
      return { ...state, assigned: [...state.assigned, ...added] };
    }
    case 'HostAsidAllocated':
      invariant(!isTaken(state.asids, event.asid), `ASID ${event.asid} allocated twice`);
      return { ...state, asids: take(state.asids, event.asid) };
    case 'HostAsidReleased':
      invariant(isTaken(state.asids, event.asid), `ASID ${event.asid} released while free`);
      return { ...state, asids: giveBack(state.asids, event.asid) };
    default:
      return unreachable(event);
  }
}

/** Whether two byte ranges share a byte. */
export function overlaps(a: Range, b: Range): boolean {
  return a.base < b.base + b.size && b.base < a.base + a.size;
}

/** Whether `inner` lies wholly inside `outer`. */
export function contains(outer: Range, inner: Range): boolean {
  return inner.base >= outer.base && inner.base + inner.size <= outer.base + outer.size;
}
