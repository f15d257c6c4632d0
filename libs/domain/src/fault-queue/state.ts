import { invariant, unreachable } from '../decision';
import type { FaultQueueEvent } from './events';

export interface FaultQueueState {
  readonly vm: string;
  /** Its file descriptor is open. */
  readonly open: boolean;
  readonly users: ReadonlySet<string>;
  readonly freed: boolean;
}

export function evolve(
  state: FaultQueueState | undefined,
  event: FaultQueueEvent,
): FaultQueueState {
  if (event.type === 'FaultQueueAllocated') {
    invariant(state === undefined, `FaultQueueAllocated twice for ${event.faultQueue}`);
    return { vm: event.vm, open: true, users: new Set(), freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a queue that is not live`);
  const users = new Set(state.users);
  switch (event.type) {
    case 'FaultQueueClosed':
      return { ...state, open: false };
    case 'FaultQueueFreed':
      invariant(users.size === 0 && !state.open, `${event.faultQueue} freed while in use`);
      return { ...state, freed: true };
    case 'FaultQueueJoined':
      return { ...state, users: users.add(event.user) };
    case 'FaultQueueLeft':
      invariant(users.delete(event.user), `${event.user} left without having joined`);
      return { ...state, users };
    default:
      return unreachable(event);
  }
}
