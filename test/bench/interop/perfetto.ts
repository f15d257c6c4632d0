import { TraceEventExport, validateTraceEvents } from '@steward/interop';
import type { TraceEvent } from '@steward/interop';
import type { Measurement } from '../measurement';

const SPANS = 100_000;
const SPANS_QUICK = 10_000;

/** Attachments of a thousand devices, a commit each, as text and checked against the format's rules. */
export const PERFETTO: Measurement = {
  name: 'interop.perfetto',
  measure: ({ quick }) => {
    const spans = quick ? SPANS_QUICK : SPANS;
    const started = performance.now();
    const events = pictureOf(spans);
    const bytes = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
    const seconds = (performance.now() - started) / 1000;
    const [broken] = validateTraceEvents(events);
    if (broken !== undefined) throw new Error(`event ${broken.index}: ${broken.rule}`);
    const note = `${spans} spans, ${events.length} events, ${Math.round(bytes / 2 ** 20)} MiB; limit 10 s for 100,000 spans`;
    return { name: 'interop.perfetto', value: seconds, unit: 's', better: 'lower', n: spans, note };
  },
};

function pictureOf(spans: number): TraceEvent[] {
  const DEVICES = 1000;
  const picture = new TraceEventExport();
  const events: TraceEvent[] = [];
  for (let position = 1; position <= spans; position++) {
    const commit = { position, host: 'h', at: '', actor: `vmm:${position % DEVICES}` };
    events.push(
      ...picture.commit({ ...commit, commandId: `c${position}`, command: 'AttachDevice' }),
    );
  }
  for (let position = 1; position <= spans; position++) {
    const next = position + DEVICES;
    const span = {
      ...{
        device: `d${position % DEVICES}`,
        host: 'h',
        kind: 'nested-domain',
        domain: `n${position}`,
      },
      ...{ fromPosition: position, toPosition: next <= spans ? next : null, args: { vmid: 1 } },
    };
    events.push(...picture.span(span, spans));
  }
  return events;
}
