import { type Inference, type Recording } from '@steward/guest';
import { parseCmdq, type RecordedQueue } from './cmdq';
import { crossCheck, type Finding } from './cross-check';
import { splitByInstance } from './instances';
import { parseTrace, type ParsedTrace } from './lines';
import { recordedPart } from './recorded-part';
import { TextImport } from './text-import';
import { NoSuchSmmu, UnsupportedTrace } from './trace-error';

export interface QemuTraceInput {
  /** Text of the trace, decompressed. */
  readonly trace: string;
  /** Parsed JSON of the `.cmdq.json` that was recorded with it. Without it the recording cannot be played. */
  readonly cmdq?: unknown;
  /** SMMU instance, from 0. */
  readonly smmu?: number;
  /** What to call the trace in the recording. */
  readonly name?: string;
}

/** What the import saw, inferred and could not settle. */
export interface ImportReport {
  readonly lines: number;
  /** Lines of known events. */
  readonly parsed: number;
  /** Other lines, by event name. */
  readonly unknown: Readonly<Record<string, number>>;
  /** The first few places of each. */
  readonly unknownLines: Readonly<Record<string, readonly number[]>>;
  /** Times the machine was reset and began anew, 1 for a trace of one boot. */
  readonly boots: number;
  readonly commands: number;
  readonly translations: number;
  readonly phases: number;
  readonly inferred: Readonly<Partial<Record<Inference, number>>>;
  /** Disagreements of the text with the raw commands. */
  readonly findings: readonly Finding[];
  /** What could not be inferred or does not fit, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Turns a QEMU SMMUv3 trace into a recording of its guest.
 * @throws TraceError, CmdqError for damaged or mismatched input; NoSuchSmmu; UnsupportedTrace for sound recordings
 * of a kind that this release does not model.
 */
export function importQemuTrace(input: QemuTraceInput): {
  readonly recording: Recording;
  readonly report: ImportReport;
} {
  if (input.cmdq === undefined) return withoutCommands(input);
  const whole = parseTrace(input.trace);
  const { trace, queue } = instanceOf(whole, input.cmdq, input.smmu ?? 0);
  const { commands, translations, phases, notes, ...part } = recordedPart(trace, queue);
  const { guest, kernelOptions } = queue;
  const source = { trace: input.name ?? guest, guest, kernelOptions };
  return {
    recording: { source, playable: true, ...part },
    report: {
      ...{ lines: whole.total, parsed: whole.lines.length, boots: 1 },
      ...{ unknown: whole.unknown, unknownLines: whole.unknownLines },
      ...{ commands, translations, phases, inferred: part.inferred },
      findings: crossCheck(trace, queue.commands).findings,
      notes,
    },
  };
}

/** The same from the text alone, at once; `TextImport` does it piece by piece. */
function withoutCommands({
  trace,
  name,
  smmu = 0,
}: QemuTraceInput): ReturnType<typeof importQemuTrace> {
  const steps: Recording['steps'][number][] = [];
  const importing = new TextImport({ name: name ?? 'trace', smmu }, (more) => {
    for (const step of more) steps.push(step);
  });
  importing.text(trace);
  const { recording, report } = importing.finish();
  return { recording: { ...recording, steps }, report };
}

/** The lines and the queue of the instance asked for. */
function instanceOf(
  trace: ParsedTrace,
  cmdq: unknown,
  smmu: number,
): { readonly trace: ParsedTrace; readonly queue: RecordedQueue } {
  const queues = parseCmdq(cmdq);
  const queue = queues[smmu];
  if (queue === undefined) throw new NoSuchSmmu(smmu, queues.length);
  if (queue.phases.length === 0) throw new UnsupportedTrace('no-phases');
  return { trace: splitByInstance(trace, queues)[smmu] ?? trace, queue };
}
