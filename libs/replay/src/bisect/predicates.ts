import { translationPath } from '@steward/audit';
import type { Digests } from '@steward/ledger';
import type { LoggedHistory } from '../snapshots/snapshots';
import { MachineStates } from '../time-travel/machine-states';
import { States } from '../time-travel/states';
import type { View, ViewObject } from '../time-travel/state-view';

/** A question about a position that is answered yes or no. */
export type Predicate = (position: number) => Promise<boolean>;

/** Answers questions about one device's view, folding on from the last position where that lies before. */
class DeviceStates {
  private states: States | undefined;

  constructor(
    private readonly history: LoggedHistory,
    private readonly device: string,
  ) {}

  /** The device's state at a position; undefined before it existed. */
  async at(position: number): Promise<ViewObject | undefined> {
    if (this.states === undefined || this.states.position > position) {
      this.states = new States({ kind: 'device', id: this.device }, this.history.snapshots);
    }
    await this.states.advance(this.history.ledger, position);
    return this.states.views().get(`device/${this.device}`)?.state;
  }
}

/** `blocked`, or `kind/id` of what a device is attached to; undefined before the device existed. */
function attachedTo(state: ViewObject | undefined): string | undefined {
  if (state === undefined) return undefined;
  const attached = state['attached'] as { readonly kind: string; readonly id: string } | undefined;
  return attached === undefined ? 'blocked' : `${attached.kind}/${attached.id}`;
}

/** The device is attached to a domain: `blocked`, `kind/id`, or the id alone. */
export function deviceAttached(history: LoggedHistory, device: string, to: string): Predicate {
  const states = new DeviceStates(history, device);
  return async (position) => {
    const attached = attachedTo(await states.at(position));
    return attached === to || (attached !== undefined && attached.endsWith(`/${to}`));
  };
}

/** A named field of the device's STE in force has a value: its meaning (`NESTED`) or `0x…`; zero is `0x0`. */
export function steFieldEquals(
  history: LoggedHistory,
  device: string,
  { field, value }: { readonly field: string; readonly value: string },
): Predicate {
  const states = new DeviceStates(history, device);
  return async (position) => {
    const ste = (await states.at(position))?.['ste'] as { fields: ViewObject } | undefined;
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
  let states = new MachineStates(history.snapshots);
  return async (position) => {
    if (states.position > position) states = new MachineStates(history.snapshots);
    await states.advance(history.ledger, position);
    const host = states.host(states.hostOfDevice(device) ?? '');
    if (host === undefined) return to === undefined;
    const { end } = translationPath(host, { device, iova });
    return to === (end.kind === 'ok' ? BigInt(end.pa) : undefined);
  };
}

/** The digest that this ledger recorded is not the one that another recorded, or the other has none. */
export function digestDiffers(mine: Digests, other: Digests): Predicate {
  return async (position) => mine.at(position)?.digest !== other.at(position)?.digest;
}
