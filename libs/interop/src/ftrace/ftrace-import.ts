import { TraceError } from '../qemu-trace/trace-error';
import { fieldsOf, FTRACE_EVENTS, type FtraceEvent, type FtraceEventName } from './events';

/** A line that cannot be what it says, or that says the kernel did less than it was asked. */
export interface FtraceFinding {
  readonly line: number;
  readonly what: string;
}

/** A fault, and the last lines before it that name its address: the events carry no domain, so these may be another's. */
export interface FtraceFault {
  readonly line: number;
  readonly device: string;
  readonly iova: string;
  readonly mappedBy: number | null;
  readonly unmappedBy: number | null;
}

/** What the import saw. `lines` = parsed + skipped + unknown. */
export interface FtraceReport {
  readonly lines: number;
  /** Lines of the `iommu` group, in all and by event. */
  readonly parsed: number;
  readonly events: Readonly<Partial<Record<FtraceEventName, number>>>;
  /** Comments, blank lines and marks of lost events. */
  readonly skipped: number;
  /** Events that the kernel lost before they could be read: the trace has gaps, at these lines. */
  readonly lost: number;
  readonly lostAt: readonly number[];
  /** Lines of other events by name, those that are no ftrace lines as `?`, and the first lines of each. */
  readonly unknown: Readonly<Record<string, number>>;
  readonly unknownLines: Readonly<Record<string, readonly number[]>>;
  readonly findings: readonly FtraceFinding[];
  readonly faults: readonly FtraceFault[];
}

const LINE_MAX = 4096;
const KEPT = 1000;
const PLACES_KEPT = 5;
const NO_FTRACE_LINE = '?';

/** TASK-PID, perhaps (TGID), [CPU], perhaps latency flags, seconds, event. */
const LINE =
  /^\s*(?<task>.+)-(?<pid>\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(?<cpu>\d+)\]\s+(?:[^\s:]{1,8}\s+)?(?<seconds>\d+\.\d+):\s+(?:(?<system>\w+):)?(?<event>\w+):\s*(?<text>.*?)\s*$/;
const LOST = /^CPU:\d+ \[LOST(?: (\d+))? EVENTS\]/;

/** Reads ftrace's text as it comes: the `iommu` group's events; what it does not know it counts, and guesses nothing. */
export class FtraceImport {
  private rest = '';
  private total = 0;
  private skipped = 0;
  private parsed = 0;
  private lost = 0;
  private readonly lostAt: number[] = [];
  private readonly events: Partial<Record<FtraceEventName, number>> = {};
  private readonly unknown = new Map<string, { count: number; lines: number[] }>();
  private readonly findings: FtraceFinding[] = [];
  private readonly faults: FtraceFault[] = [];
  private readonly ranges = new RecentRanges();

  /** @param onEvent receives each event of the group, in order. */
  constructor(private readonly onEvent: (event: FtraceEvent) => void) {}

  /** Takes the next piece of text, cut anywhere. @throws TraceError for a line of a known event that lacks its form. */
  text(piece: string): void {
    const rows = (this.rest + piece).split('\n');
    this.rest = rows.pop() ?? '';
    for (const row of rows) this.row(row.replace(/\r$/, ''));
  }

  /** @throws TraceError when the text ends inside a line. */
  finish(): FtraceReport {
    if (this.rest !== '') {
      throw new TraceError(this.total + 1, 'the trace ends inside a line; it is truncated');
    }
    const unknown = [...this.unknown];
    return {
      ...{ lines: this.total, parsed: this.parsed, events: this.events, skipped: this.skipped },
      ...{ lost: this.lost, lostAt: this.lostAt },
      unknown: Object.fromEntries(unknown.map(([event, { count }]) => [event, count])),
      unknownLines: Object.fromEntries(unknown.map(([event, { lines }]) => [event, lines])),
      ...{ findings: this.findings, faults: this.faults },
    };
  }

  private row(row: string): void {
    const line = ++this.total;
    if (row.length > LINE_MAX) throw new TraceError(line, `more than ${LINE_MAX} characters`);
    const lost = LOST.exec(row);
    if (lost !== null) {
      this.lost += Number(lost[1] ?? 1);
      if (this.lostAt.length < KEPT) this.lostAt.push(line);
    }
    if (lost !== null || row.trim() === '' || row.startsWith('#')) {
      this.skipped++;
      return;
    }
    const groups = LINE.exec(row)?.groups;
    const name = groups?.['event'] ?? NO_FTRACE_LINE;
    if (groups === undefined || !this.isOurs(name, groups['system']))
      return this.addUnknown(name, line);
    const text = groups['text'] ?? '';
    // Other groups have events called map and unmap too; only this one's say IOMMU.
    if (!text.startsWith('IOMMU:')) return this.addUnknown(name, line);
    const fields = fieldsOf(name, text);
    if (fields === undefined) throw new TraceError(line, `no form of ${name}: "${text}"`);
    const { task = '', pid, cpu, seconds = '' } = groups;
    const event = name as FtraceEventName;
    const read = { line, task, pid: Number(pid), cpu: Number(cpu), seconds, event, fields };
    this.parsed++;
    this.events[event] = (this.events[event] ?? 0) + 1;
    this.look(read);
    this.onEvent(read);
  }

  private isOurs(event: string, system: string | undefined): boolean {
    return FTRACE_EVENTS.has(event) && (system ?? 'iommu') === 'iommu';
  }

  private addUnknown(event: string, line: number): void {
    const known = this.unknown.get(event);
    if (known === undefined) this.unknown.set(event, { count: 1, lines: [line] });
    else {
      known.count++;
      if (known.lines.length < PLACES_KEPT) known.lines.push(line);
    }
  }

  private look({ line, event, fields }: FtraceEvent): void {
    const word = (name: string): bigint => BigInt(fields[name] ?? '0x0');
    const [iova, size] = [word('iova'), word('size')];
    if (fields['end'] !== undefined && BigInt.asUintN(64, iova + size) !== word('end')) {
      this.find(line, `the range ends at ${fields['end']}, not at iova + size`);
    }
    if (event === 'unmap' && word('unmappedSize') < size) {
      this.find(line, `${fields['unmappedSize']} bytes were unmapped of ${fields['size']}`);
    }
    if (event === 'map' || event === 'unmap') this.ranges.add(event, { iova, size, line });
    if (event !== 'io_page_fault' || this.faults.length >= KEPT) return;
    const { device = '' } = fields;
    const [mappedBy, unmappedBy] = [this.ranges.last('map', iova), this.ranges.last('unmap', iova)];
    this.faults.push({ line, device, iova: fields['iova'] ?? '', mappedBy, unmappedBy });
  }

  private find(line: number, what: string): void {
    if (this.findings.length < KEPT) this.findings.push({ line, what });
  }
}

interface Range {
  readonly iova: bigint;
  readonly size: bigint;
  readonly line: number;
}

/** The last ranges that were mapped and unmapped; older ones are forgotten, so that memory stays bounded. */
class RecentRanges {
  private readonly kept = { map: [] as Range[], unmap: [] as Range[] };

  add(event: 'map' | 'unmap', range: Range): void {
    const list = this.kept[event];
    list.push(range);
    if (list.length > 2 * RANGES_KEPT) list.splice(0, RANGES_KEPT);
  }

  /** Line of the last one that covers an address, of those that are remembered. */
  last(event: 'map' | 'unmap', address: bigint): number | null {
    const found = this.kept[event].findLast(
      ({ iova, size }) => address >= iova && address < iova + size,
    );
    return found?.line ?? null;
  }
}

const RANGES_KEPT = 50_000;
