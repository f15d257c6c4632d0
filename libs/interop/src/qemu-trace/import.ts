import {
  countInferences,
  type Inference,
  type RecordedSmmu,
  type RecordedStream,
  type Recording,
} from '@steward/guest';
import { REGISTERS } from '@steward/smmu';
import { announcementOf } from './announcements';
import { assemble } from './assembly';
import { parseCmdq, type RecordedQueue } from './cmdq';
import { crossCheck, type Finding } from './cross-check';
import { inferEntries } from './entry-inference';
import { parseTrace, type ParsedTrace } from './lines';
import { touchedPages, type Extent } from './pages';
import { splitByInstance } from './instances';
import { StreamTable } from './stream-table';
import type { Moment } from './moments';
import { buildTimeline } from './timeline';
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
  const whole = parseTrace(input.trace);
  const { trace, queue } = instanceOf(whole, input);
  const moments = buildTimeline(trace, queue);
  const streams = streamsOf(moments);
  const table = new StreamTable(moments);
  const { writes, unresolved } = inferEntries(
    moments,
    streams.map(({ vsid }) => vsid),
  );
  const { steps, notes } = assemble(
    moments,
    writes,
    table,
    streams.map(({ vsid }) => vsid),
  );
  const inferred = countInferences(steps);
  const recording: Recording = {
    source: {
      trace: input.name ?? queue?.guest ?? 'trace',
      guest: queue?.guest ?? '',
      kernelOptions: queue?.kernelOptions ?? '',
    },
    smmu: smmuOf(trace, queue),
    playable: queue !== undefined,
    streams,
    ...touchedPages(steps, [...table.extents(), ...moments.flatMap(readExtent)]),
    inferred,
    steps,
  };
  return {
    recording,
    report: {
      lines: whole.total,
      parsed: whole.lines.length,
      unknown: whole.unknown,
      commands: count(moments, (m) => (m.kind === 'commands' ? m.words.length : 0)),
      translations: count(moments, (m) => (m.kind === 'dma' ? 1 : 0)),
      phases: count(moments, (m) => (m.kind === 'phase-end' ? 1 : 0)),
      inferred,
      findings: queue === undefined ? [] : crossCheck(trace, queue.commands).findings,
      notes: [...unresolved, ...notes],
    },
  };
}

/** The lines and the queue of the instance asked for. */
function instanceOf(
  trace: ParsedTrace,
  { cmdq, smmu = 0 }: QemuTraceInput,
): { readonly trace: ParsedTrace; readonly queue: RecordedQueue | undefined } {
  if (cmdq === undefined) {
    checkText(trace, smmu);
    return { trace, queue: undefined };
  }
  const queues = parseCmdq(cmdq);
  const queue = queues[smmu];
  if (queue === undefined) throw new NoSuchSmmu(smmu, queues.length);
  if (queue.phases.length === 0) throw new UnsupportedTrace('no-phases');
  return { trace: splitByInstance(trace, queues)[smmu] ?? trace, queue };
}

/** Without the raw commands nothing tells the lines of several instances apart. */
function checkText(trace: ParsedTrace, smmu: number): void {
  const resets = trace.lines.filter(({ event }) => event === 'smmu_reset_exit').length;
  const instances = Math.max(resets, 1);
  if (smmu < 0 || smmu >= instances) throw new NoSuchSmmu(smmu, instances);
  if (instances > 1) throw new UnsupportedTrace('several-smmus');
}

function smmuOf(trace: ParsedTrace, queue: RecordedQueue | undefined): RecordedSmmu {
  const registers = queue?.phases[0]?.registers ?? {};
  const value = (name: 'IDR0' | 'IDR1' | 'IDR2' | 'IDR3' | 'IDR4' | 'IDR5' | 'IIDR' | 'AIDR') => {
    const recorded = registers[name];
    if (recorded !== undefined) return Number(recorded);
    return readRegister(trace, REGISTERS[name].offset) ?? 0;
  };
  return {
    idr: [value('IDR0'), value('IDR1'), value('IDR2'), value('IDR3'), value('IDR4'), value('IDR5')],
    iidr: value('IIDR'),
    aidr: value('AIDR'),
  };
}

/** The first value the trace shows for a register that was read. */
function readRegister(trace: ParsedTrace, offset: number): number | undefined {
  for (const line of trace.lines) {
    if (line.event === 'smmuv3_read_mmio' && line.fields.addr === offset) {
      return Number(line.fields.val);
    }
  }
  return undefined;
}

/** Every StreamID that an access, a phase end or a command of its own names, ascending. */
function streamsOf(moments: readonly Moment[]): RecordedStream[] {
  const vsids = new Set<number>();
  for (const moment of moments) {
    if (moment.kind === 'dma') vsids.add(moment.vsid);
    if (moment.kind === 'phase-end')
      for (const vsid of moment.phase.entries.keys()) vsids.add(vsid);
    if (moment.kind !== 'commands') continue;
    for (const words of moment.words) {
      const announcement = announcementOf(words);
      if (announcement?.single === true) vsids.add(announcement.first);
    }
  }
  return [...vsids].sort((a, b) => a - b).map((vsid) => ({ vsid, devfn: vsid & 0xff }));
}

/** What the SMMU read of the guest's memory at a moment, whether or not a write of the recording put it there. */
function readExtent(moment: Moment): Extent[] {
  if (moment.kind === 'table-word') return [{ base: moment.ipa, size: 8 }];
  if (moment.kind === 'cd') return [{ base: moment.cd, size: 64 }];
  return [];
}

function count(moments: readonly Moment[], of: (moment: Moment) => number): number {
  return moments.reduce((sum, moment) => sum + of(moment), 0);
}
