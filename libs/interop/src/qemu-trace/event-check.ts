import { EVENTS, eventName } from '@steward/smmu';
import type { RecordedQueue } from './cmdq';
import type { Finding } from './cross-check';
import type { ParsedTrace } from './lines';

/** Every record has its StreamID in the same place (IHI 0070 §7.3). */
const COMMON = EVENTS.C_BAD_STE.layout;

/** One event record beside the line that announced it. */
export type EventFinding = Omit<Finding, 'command'> & {
  /** Index of the record in the event queue. */
  readonly event: number;
};

/**
 * Compares every `smmuv3_propagate_event` line with the raw event records: the k-th line against the k-th record,
 * in the type and the StreamID, which is all that the line shows.
 */
export function checkEvents(trace: ParsedTrace, queue: RecordedQueue): readonly EventFinding[] {
  const lines = trace.lines.flatMap((line) =>
    line.event === 'smmuv3_propagate_event' ? [line] : [],
  );
  const found: EventFinding[] = [];
  for (let event = 0; event < Math.max(lines.length, queue.events.length); event++) {
    const shown = lines[event];
    const record = queue.events[event];
    const line = shown?.line ?? trace.total;
    const compare = (field: string, text: string, raw: string): void => {
      if (text !== raw) found.push({ event, line, field, text, raw });
    };
    const raw = record === undefined ? 'nothing' : (eventName(record) ?? 'a reserved type');
    compare('event', shown?.fields.name ?? 'nothing', raw);
    if (shown === undefined || record === undefined) continue;
    compare(
      'sid',
      `0x${shown.fields.sid.toString(16)}`,
      `0x${COMMON.get(record, 'StreamID').toString(16)}`,
    );
  }
  return found;
}
