import { invariant, unreachable } from '../decision';
import type { S1DomainEvent } from './events';

export interface S1DomainState {
  readonly vm: string;
  readonly ioas: string;
  readonly smmu: string;
  readonly asid: number;
  readonly automatic: boolean;
  readonly faultQueue?: string;
  readonly attached: ReadonlySet<string>;
  readonly freed: boolean;
}

export function evolve(state: S1DomainState | undefined, event: S1DomainEvent): S1DomainState {
  if (event.type === 'S1DomainAllocated') {
    invariant(state === undefined, `S1DomainAllocated twice for ${event.domain}`);
    const { vm, ioas, smmu, asid, automatic, faultQueue } = event;
    const attached = new Set<string>();
    const queue = faultQueue === undefined ? {} : { faultQueue };
    return { vm, ioas, smmu, asid, automatic, ...queue, attached, freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a domain that is not live`);
  const attached = new Set(state.attached);
  switch (event.type) {
    case 'S1DomainFreed':
      invariant(attached.size === 0, `${event.domain} freed while attached`);
      return { ...state, freed: true };
    case 'S1DomainJoined':
      invariant(!attached.has(event.device), `${event.device} joined twice`);
      return { ...state, attached: attached.add(event.device) };
    case 'S1DomainLeft':
      invariant(attached.delete(event.device), `${event.device} left without having joined`);
      return { ...state, attached };
    default:
      return unreachable(event);
  }
}
