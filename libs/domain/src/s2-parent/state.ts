import { invariant } from '../decision';
import { addressOf } from '../hex';
import type { S2ParentEvent } from './events';

export interface S2ParentState {
  readonly vm: string;
  readonly ioas: string;
  readonly smmu: string;
  readonly vmid: number;
  /** Doorbell pages by IPA. */
  readonly doorbells: readonly number[];
}

export function evolve(state: S2ParentState | undefined, event: S2ParentEvent): S2ParentState {
  if (event.type === 'NestParentAllocated') {
    invariant(state === undefined, `NestParentAllocated twice for ${event.parent}`);
    const { vm, ioas, smmu, vmid } = event;
    return { vm, ioas, smmu, vmid, doorbells: [] };
  }
  invariant(state !== undefined, `${event.type} before NestParentAllocated`);
  return { ...state, doorbells: [...state.doorbells, addressOf(event.ipa)] };
}
