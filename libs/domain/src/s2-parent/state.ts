import { invariant, unreachable } from '../decision';
import { addressOf } from '../hex';
import type { S2ParentEvent } from './events';

export interface S2ParentState {
  readonly vm: string;
  readonly ioas: string;
  readonly smmu: string;
  readonly vmid: number;
  /** Doorbell pages by IPA. */
  readonly doorbells: readonly number[];
  /** Streams of the devices attached to it and of the vSMMUs on it. */
  readonly users: ReadonlySet<string>;
  readonly freed: boolean;
}

export function evolve(state: S2ParentState | undefined, event: S2ParentEvent): S2ParentState {
  if (event.type === 'NestParentAllocated') {
    invariant(state === undefined, `NestParentAllocated twice for ${event.parent}`);
    const { vm, ioas, smmu, vmid } = event;
    return { vm, ioas, smmu, vmid, doorbells: [], users: new Set(), freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on a parent that is not live`);
  const users = new Set(state.users);
  switch (event.type) {
    case 'SoftwareMsiMapped':
      return { ...state, doorbells: [...state.doorbells, addressOf(event.ipa)] };
    case 'NestParentJoined':
      return { ...state, users: users.add(event.user) };
    case 'NestParentLeft':
      invariant(users.delete(event.user), `${event.user} left without having joined`);
      return { ...state, users };
    case 'NestParentFreed':
      invariant(users.size === 0, `${event.parent} freed while in use`);
      return { ...state, freed: true };
    default:
      return unreachable(event);
  }
}
