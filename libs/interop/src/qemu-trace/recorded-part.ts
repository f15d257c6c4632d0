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
import type { RecordedQueue } from './cmdq';
import { inferEntries } from './entry-inference';
import type { ParsedTrace } from './lines';
import type { Moment } from './moments';
import { touchedPages, type Extent } from './pages';
import { StreamTable } from './stream-table';
import { buildTimeline } from './timeline';

/** What one stretch of a trace, of one SMMU, gives of a recording. */
export interface RecordedPart {
  readonly smmu: RecordedSmmu;
  readonly streams: readonly RecordedStream[];
  readonly memory: Recording['memory'];
  readonly doorbells: Recording['doorbells'];
  readonly steps: Recording['steps'];
  readonly inferred: Readonly<Partial<Record<Inference, number>>>;
  readonly commands: number;
  readonly translations: number;
  readonly phases: number;
  readonly notes: readonly string[];
}

/** @throws TraceError, CmdqError */
export function recordedPart(trace: ParsedTrace, queue?: RecordedQueue): RecordedPart {
  const moments = buildTimeline(trace, queue);
  const streams = streamsOf(moments);
  const vsids = streams.map(({ vsid }) => vsid);
  const table = new StreamTable(moments);
  const { writes, unresolved } = inferEntries(moments, vsids);
  const { steps, notes } = assemble(moments, writes, table, vsids);
  return {
    smmu: smmuOf(trace, queue),
    streams,
    ...touchedPages(steps, [...table.extents(), ...moments.flatMap(readExtent)]),
    steps,
    inferred: countInferences(steps),
    commands: count(moments, (m) => (m.kind === 'commands' ? m.words.length : 0)),
    translations: count(moments, (m) => (m.kind === 'dma' ? 1 : 0)),
    phases: count(moments, (m) => (m.kind === 'phase-end' ? 1 : 0)),
    notes: [...unresolved, ...notes],
  };
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
