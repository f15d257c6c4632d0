import { invariant, unreachable } from '../decision';
import type { PageFault } from './commands';
import type { FaultQueueEvent } from './events';

export interface FaultQueueState {
  readonly vm: string;
  /** Its file descriptor is open. */
  readonly open: boolean;
  readonly users: ReadonlySet<string>;
  /** Faults that were not read, oldest first. */
  readonly unread: readonly PageFault[];
  /** Faults that were read and not answered, by cookie. */
  readonly waiting: ReadonlyMap<number, PageFault>;
  readonly freed: boolean;
}

export function evolve(
  state: FaultQueueState | undefined,
  event: FaultQueueEvent,
): FaultQueueState {
  if (event.type === 'FaultQueueAllocated') {
    invariant(state === undefined, `FaultQueueAllocated twice for ${event.faultQueue}`);
    const empty = { users: new Set<string>(), unread: [], waiting: new Map<number, PageFault>() };
    return { vm: event.vm, open: true, ...empty, freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a queue that is not live`);
  const users = new Set(state.users);
  const waiting = new Map(state.waiting);
  switch (event.type) {
    case 'PageFaultQueued': {
      const { type: _, ...fault } = event;
      return { ...state, unread: [...state.unread, fault] };
    }
    case 'PageFaultsRead':
      event.cookies.forEach((cookie, i) => {
        const fault = state.unread[i];
        invariant(fault !== undefined && !waiting.has(cookie), `no fault for cookie ${cookie}`);
        waiting.set(cookie, fault);
      });
      return { ...state, unread: state.unread.slice(event.cookies.length), waiting };
    case 'PageFaultsAnswered':
      for (const { cookie } of event.answers) {
        invariant(waiting.delete(cookie), `no fault has the cookie ${cookie}`);
      }
      return { ...state, waiting };
    case 'PageFaultsDropped': {
      const stays = (fault: PageFault): boolean => !isOf(fault, event);
      const read = [...state.waiting].filter(([, fault]) => stays(fault));
      return { ...state, unread: state.unread.filter(stays), waiting: new Map(read) };
    }
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

/** Whether a fault came by an attachment. */
export function isOf(
  fault: PageFault,
  by: { readonly device: string; readonly attachment: number },
): boolean {
  return fault.device === by.device && fault.attachment === by.attachment;
}
