import { invariant, unreachable } from '../decision';
import type { Hex } from '../hex';
import type { NestedDomainEvent } from './events';

export interface NestedDomainState {
  readonly vsmmu?: string;
  readonly parent: string;
  readonly vste: readonly [Hex, Hex];
  readonly faultQueue?: string;
  readonly attached: ReadonlySet<string>;
  readonly freed: boolean;
}

export function evolve(
  state: NestedDomainState | undefined,
  event: NestedDomainEvent,
): NestedDomainState {
  if (event.type === 'NestedDomainAllocated') {
    invariant(state === undefined, `NestedDomainAllocated twice for ${event.domain}`);
    const { vsmmu, parent, vste, faultQueue } = event;
    const on = vsmmu === undefined ? { parent } : { vsmmu, parent };
    const queue = faultQueue === undefined ? {} : { faultQueue };
    return { ...on, vste, ...queue, attached: new Set(), freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a domain that is not live`);
  const attached = new Set(state.attached);
  switch (event.type) {
    case 'NestedDomainFreed':
      invariant(attached.size === 0, `${event.domain} freed while attached`);
      return { ...state, freed: true };
    case 'NestedDomainJoined':
      invariant(!attached.has(event.device), `${event.device} joined twice`);
      attached.add(event.device);
      return { ...state, attached };
    case 'NestedDomainLeft':
      invariant(attached.delete(event.device), `${event.device} left without having joined`);
      return { ...state, attached };
    default:
      return unreachable(event);
  }
}
