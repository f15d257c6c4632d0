import type { Inference, RecordedSmmu, RecordedStream, Recording } from '@steward/guest';
import { BootCutter, type Boot } from './boots';
import type { ImportReport } from './import';
import { endsInsideLine, parseLine, UnknownLines } from './lines';
import { pageRuns } from './pages';
import { recordedPart, type RecordedPart } from './recorded-part';
import { NoSuchSmmu, TraceError, UnsupportedTrace } from './trace-error';

/** A note is worth a person's eye once; a trace of a thousand boots says the same a thousand times. */
const NOTES_KEPT = 100;

type Steps = Recording['steps'];

/**
 * Imports the text of a trace as it comes, without its raw commands, boot by boot: memory does not grow with the text. The
 * recording can be looked at, not played.
 */
export class TextImport {
  private readonly cutter: BootCutter;
  private readonly unknown = new UnknownLines();
  private rest = '';
  private total = 0;
  private parsed = 0;
  private boots = 0;
  private smmu: RecordedSmmu | undefined;
  private readonly streams = new Map<number, RecordedStream>();
  private memory: Recording['memory'] = [];
  private doorbells: Recording['doorbells'] = [];
  private readonly inferred: Partial<Record<Inference, number>> = {};
  private readonly counts = { commands: 0, translations: 0 };
  private readonly notes: string[] = [];
  private notesLeftOut = 0;

  /**
   * @param source what to call the trace, and which SMMU of it is wanted, from 0.
   * @param onSteps receives the recording's steps, in order.
   */
  constructor(
    private readonly source: { readonly name: string; readonly smmu: number },
    private readonly onSteps: (steps: Steps) => void,
    options: { readonly linesMax?: number } = {},
  ) {
    this.cutter = new BootCutter(options.linesMax);
  }

  /** Takes the next piece of text, cut anywhere. @throws TraceError, NoSuchSmmu, UnsupportedTrace */
  text(piece: string): void {
    const rows = (this.rest + piece).split('\n');
    this.rest = rows.pop() ?? '';
    for (const row of rows) this.row(row);
  }

  /** The recording but for its steps, and the report. @throws TraceError, NoSuchSmmu, UnsupportedTrace */
  finish(): { readonly recording: Omit<Recording, 'steps'>; readonly report: ImportReport } {
    if (this.rest !== '') throw endsInsideLine(this.total + 1);
    if (this.total === 0) throw new TraceError(1, 'the trace is empty');
    this.add(this.cutter.finish(this.total));
    const { memory, doorbells, inferred, total: lines, parsed, boots } = this;
    if (this.notesLeftOut > 0) this.notes.push(`… and ${this.notesLeftOut} more`);
    return {
      recording: {
        source: { trace: this.source.name, guest: '', kernelOptions: '' },
        smmu: this.smmu ?? { idr: [0, 0, 0, 0, 0, 0], iidr: 0, aidr: 0 },
        playable: false,
        streams: [...this.streams.values()].sort((a, b) => a.vsid - b.vsid),
        ...{ memory, doorbells, inferred },
      },
      report: {
        ...{ lines, parsed, boots, ...this.unknown.report(), ...this.counts, phases: 0 },
        ...{ inferred, findings: [], notes: this.notes },
      },
    };
  }

  private row(row: string): void {
    this.total++;
    const line = parseLine(row, this.total);
    if (typeof line === 'string') {
      this.unknown.add(line, this.total);
      return;
    }
    this.parsed++;
    const boot = this.cutter.add(line);
    if (boot !== undefined) this.add(boot);
  }

  private add(boot: Boot): void {
    const { smmu } = this.source;
    // Without the raw commands nothing tells the lines of several instances apart.
    if (smmu < 0 || smmu >= boot.instances) throw new NoSuchSmmu(smmu, boot.instances);
    if (boot.instances > 1) throw new UnsupportedTrace('several-smmus');
    if (boot.continues) {
      this.note(
        `line ${boot.after + 1}: a long boot is taken up anew here; what was written before is not remembered`,
      );
    } else this.boots++;
    const { lines } = boot;
    const total = lines.at(-1)?.line ?? boot.after;
    this.merge(recordedPart({ lines, total, unknown: {}, unknownLines: {} }));
  }

  private merge(part: RecordedPart): void {
    this.smmu ??= part.smmu;
    for (const stream of part.streams) this.streams.set(stream.vsid, stream);
    this.memory = pageRuns([...this.memory, ...part.memory]);
    this.doorbells = pageRuns([...this.doorbells, ...part.doorbells]);
    for (const [name, n] of Object.entries(part.inferred) as [Inference, number][]) {
      this.inferred[name] = (this.inferred[name] ?? 0) + n;
    }
    this.counts.commands += part.commands;
    this.counts.translations += part.translations;
    for (const note of part.notes) this.note(note);
    this.onSteps(part.steps);
  }

  private note(text: string): void {
    if (this.notes.includes(text)) return;
    if (this.notes.length < NOTES_KEPT) this.notes.push(text);
    else this.notesLeftOut++;
  }
}
