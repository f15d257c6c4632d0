import { EVENTS, eventName, type EventName } from '@steward/smmu';
import type { EventRecord } from './event-queue';

/** Events the driver can attribute to a device's own tables; all others are only logged (Linux `arm_smmu_handle_event`). */
const FORWARDED: ReadonlySet<EventName> = new Set<EventName>([
  'C_BAD_STE',
  'F_STREAM_DISABLED',
  'C_BAD_SUBSTREAMID',
  'C_BAD_CD',
  'F_TRANSLATION',
  'F_ADDR_SIZE',
  'F_ACCESS',
  'F_PERMISSION',
]);

/** StreamID of an event record, which every event has. */
export function eventStreamId(record: EventRecord): number {
  return Number(EVENTS.C_BAD_STE.layout.get(record, 'StreamID'));
}

/**
 * The record a guest gets to see, or undefined when the fault is not the guest's: a stage-2 fault (S2=1) is the host's
 * business, a stalled transaction waits for the host's answer.
 */
export function guestRecord(record: EventRecord, vsid: number): EventRecord | undefined {
  const name = eventName(record);
  if (name === undefined || !FORWARDED.has(name)) return undefined;
  const { layout } = EVENTS.F_TRANSLATION;
  if (layout.get(record, 'S2') === 1n || layout.get(record, 'Stall') === 1n) return undefined;
  const [word0] = EVENTS.C_BAD_STE.layout.encode({ StreamID: BigInt(vsid) }, record);
  return [word0!, record[1], record[2], record[3]];
}
