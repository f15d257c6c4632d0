import { addressOf, fromHex } from '@steward/domain';
import type { DomainEvent, Hex } from '@steward/domain';
import type { AttachRequest } from '@steward/host';

/** The event of a type. */
export type EventNamed<T extends DomainEvent['type']> = Extract<DomainEvent, { type: T }>;

/** A range of an event as numbers. */
export function rangeOf({ iova, length }: { readonly iova: Hex; readonly length: Hex }) {
  return { iova: addressOf(iova), length: addressOf(length) };
}

/** What the driver is asked for by an attach that was decided. */
export function attachRequest(event: EventNamed<'DeviceAttached'>): AttachRequest {
  const { target, vste, vsid, vsmmu, faultQueue } = event;
  const faults = faultQueue === undefined ? {} : { faultQueue };
  if (target.kind === 's1-domain') return { kind: 'stage1', domain: target.id, ...faults };
  const parent = found(event.parent, `parent of ${target.id}`);
  if (vste === undefined) return { kind: 'parent', parent };
  const words = vste.map((w: Hex) => fromHex(w)) as [bigint, bigint];
  const guest = { ...(vsid !== undefined && { vsid }), ...(vsmmu !== undefined && { vsmmu }) };
  return { kind: 'nested', parent, vste: words, ...guest, ...faults };
}

/** @throws Error for a value that no complete log leaves out. */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the machine knows no ${what}: the log is incomplete`);
  return value;
}
