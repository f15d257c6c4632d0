import { translationPath } from '@steward/audit';
import type { Digests } from '@steward/ledger';
import type { LoggedHistory } from '../snapshots/snapshots';
import { MachineStates } from '../time-travel/machine-states';
import { States } from '../time-travel/states';
import type { View, ViewObject } from '../time-travel/state-view';

/** A question about a position that is answered yes or no. */
export type Predicate = (position: number) => Promise<boolean>;

/** A device's state at a position; undefined before it existed. */
function deviceStates(
  history: LoggedHistory,
  device: string,
): (position: number) => Promise<ViewObject | undefined> {
  const states = new States(history, { kind: 'device', id: device });
  return async (position) => {
    await states.moveTo(position);
    return states.views().get(`device/${device}`)?.state;
  };
}

/** `blocked`, or `kind/id` of what a device is attached to; undefined before the device existed. */
function attachedTo(state: ViewObject | undefined): string | undefined {
  if (state === undefined) return undefined;
  const attached = state['attached'] as { readonly kind: string; readonly id: string } | undefined;
  return attached === undefined ? 'blocked' : `${attached.kind}/${attached.id}`;
}

/** The device is attached to a domain: `blocked`, `kind/id`, or the id alone. */
export function deviceAttached(history: LoggedHistory, device: string, to: string): Predicate {
  const stateAt = deviceStates(history, device);
  return async (position) => {
    const attached = attachedTo(await stateAt(position));
    return attached === to || (attached !== undefined && attached.endsWith(`/${to}`));
  };
}

/** A named field of the device's STE in force has a value: its meaning (`NESTED`) or `0x…`; zero is `0x0`. */
export function steFieldEquals(
  history: LoggedHistory,
  device: string,
  { field, value }: { readonly field: string; readonly value: string },
): Predicate {
  const stateAt = deviceStates(history, device);
  return async (position) => {
    const ste = (await stateAt(position))?.['ste'] as { fields: ViewObject } | undefined;
    if (ste === undefined) return false;
    const shown: View = ste.fields[field] ?? '0x0';
    return shown === value;
  };
}

/**
 * The tables lead an IOVA of a device to a PA, or, where `to` is undefined, nowhere. What is cached does not count, nor do
 * permissions. Before the device existed it led nowhere.
 */
export function translationIs(
  history: LoggedHistory,
  device: string,
  { iova, to }: { readonly iova: bigint; readonly to: bigint | undefined },
): Predicate {
  let states: MachineStates | undefined;
  return async (position) => {
    states ??= await MachineStates.ofDevice(history, device);
    await states?.moveTo(position);
    if (states?.machine === undefined || !states.hasDevice(device)) return to === undefined;
    const { end } = translationPath(states.machine, { device, iova });
    return to === (end.kind === 'ok' ? BigInt(end.pa) : undefined);
  };
}

/** The digest that this ledger recorded is not the one that another recorded, or the other has none. */
export function digestDiffers(mine: Digests, other: Digests): Predicate {
  return async (position) => mine.at(position)?.digest !== other.at(position)?.digest;
}
