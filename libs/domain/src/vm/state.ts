import type { Range } from '../host/state';
import { invariant } from '../decision';
import { addressOf } from '../hex';
import type { VmEvent } from './events';

export interface VmState {
  readonly host: string;
  readonly owner: string;
  /** RAM by guest address. */
  readonly ram: readonly (Range & { readonly pa: number })[];
}

export function evolve(state: VmState | undefined, event: VmEvent): VmState {
  if (event.type === 'VmCreated') {
    invariant(state === undefined, `VmCreated twice for ${event.vm}`);
    const ram = event.ram.map((r) => ({
      base: addressOf(r.ipa),
      size: addressOf(r.size),
      pa: addressOf(r.pa),
    }));
    return { host: event.host, owner: event.owner, ram };
  }
  invariant(state !== undefined, `${event.type} before VmCreated`);
  return state; // Memory contents are the machine's; no decision reads them.
}
