import { invariant, unreachable } from '../decision';
import type { VeventqEvent } from './events';

/** What a reader will get: an event, or without words the header that says events were lost. */
export interface VeventItem {
  readonly sequence: number;
  readonly words?: readonly bigint[];
}

export interface VeventqState {
  readonly vsmmu: string;
  readonly queueType: number;
  readonly depth: number;
  /** Sequence number of the next event, delivered or lost: 0 … 2^31-1 and round again. */
  readonly next: number;
  /** Oldest first; a lost-events header only ever last. */
  readonly items: readonly VeventItem[];
  readonly open: boolean;
  readonly freed: boolean;
}

const SEQUENCES = 2 ** 31;

export function evolve(state: VeventqState | undefined, event: VeventqEvent): VeventqState {
  if (event.type === 'VeventqAllocated') {
    invariant(state === undefined, `VeventqAllocated twice for ${event.veventq}`);
    const { vsmmu, queueType, depth } = event;
    return { vsmmu, queueType, depth, next: 0, items: [], open: true, freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a queue that is not live`);
  switch (event.type) {
    case 'VeventQueued':
      return add(state, { sequence: event.sequence, words: [...event.words] });
    case 'VeventLost':
      return add(state, { sequence: event.sequence });
    case 'VeventsRead':
      return { ...state, items: state.items.slice(event.count) };
    case 'VeventqClosed':
      return { ...state, open: false };
    case 'VeventqFreed':
      invariant(!state.open, `${event.veventq} freed while open`);
      return { ...state, items: [], freed: true };
    default:
      return unreachable(event);
  }
}

/** A header at the end gives way to what comes: the gap in the sequence then tells of the loss. */
function add(state: VeventqState, item: VeventItem): VeventqState {
  const last = state.items.at(-1);
  const kept =
    last !== undefined && last.words === undefined ? state.items.slice(0, -1) : state.items;
  return { ...state, items: [...kept, item], next: (item.sequence + 1) % SEQUENCES };
}
