import { invariant, unreachable } from '../decision';
import type { S1DomainEvent } from './events';

export interface S1DomainState {
  readonly vm: string;
  readonly ioas: string;
  readonly smmu: string;
  readonly asid: number;
  readonly automatic: boolean;
  readonly faultQueue?: string;
  /** It may be attached to PASIDs. */
  readonly pasid: boolean;
  /** Devices, and PASIDs of devices as `DEVICE PASID N`. */
  readonly attached: ReadonlySet<string>;
  readonly freed: boolean;
}

export function evolve(state: S1DomainState | undefined, event: S1DomainEvent): S1DomainState {
  if (event.type === 'S1DomainAllocated') {
    invariant(state === undefined, `S1DomainAllocated twice for ${event.domain}`);
    const { vm, ioas, smmu, asid, automatic, faultQueue, pasid = false } = event;
    const attached = new Set<string>();
    const queue = faultQueue === undefined ? {} : { faultQueue };
    return { vm, ioas, smmu, asid, automatic, ...queue, pasid, attached, freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a domain that is not live`);
  const attached = new Set(state.attached);
  switch (event.type) {
    case 'S1DomainFreed':
      invariant(attached.size === 0, `${event.domain} freed while attached`);
      return { ...state, freed: true };
    case 'S1DomainJoined':
      invariant(!attached.has(userOf(event)), `${userOf(event)} joined twice`);
      return { ...state, attached: attached.add(userOf(event)) };
    case 'S1DomainLeft':
      invariant(attached.delete(userOf(event)), `${userOf(event)} left without having joined`);
      return { ...state, attached };
    default:
      return unreachable(event);
  }
}

function userOf({ device, pasid }: { readonly device: string; readonly pasid?: number }): string {
  return pasid === undefined ? device : `${device} PASID ${pasid}`;
}
