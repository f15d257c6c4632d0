import { TRACE_EVENTS, type TraceEventName, type TraceLine } from './events';
import { TraceError } from './trace-error';

/** A whole trace, parsed. */
export interface ParsedTrace {
  /** The lines of known events, in order. */
  readonly lines: readonly TraceLine[];
  /** Number of lines in the text. */
  readonly total: number;
  /** Lines of events that are not in the grammar, counted by event name. */
  readonly unknown: Readonly<Record<string, number>>;
  /** Numbers of the first few lines of each of those. */
  readonly unknownLines: Readonly<Record<string, readonly number[]>>;
}

const PLACES_KEPT = 5;

/** Lines of events that are not in the grammar. */
export class UnknownLines {
  private readonly seen = new Map<string, { count: number; lines: number[] }>();

  add(event: string, line: number): void {
    const known = this.seen.get(event);
    if (known === undefined) this.seen.set(event, { count: 1, lines: [line] });
    else {
      known.count++;
      if (known.lines.length < PLACES_KEPT) known.lines.push(line);
    }
  }

  report(): Pick<ParsedTrace, 'unknown' | 'unknownLines'> {
    const all = [...this.seen];
    return {
      unknown: Object.fromEntries(all.map(([event, { count }]) => [event, count])),
      unknownLines: Object.fromEntries(all.map(([event, { lines }]) => [event, lines])),
    };
  }
}

/** Longest line looked at, in characters. QEMU's longest is about 200. */
const MAX_LINE = 4096;

/**
 * Parses a trace of QEMU's log backend.
 * @throws TraceError when a line of a known event does not have that event's form, or when the text does not
 * end with a line end: the trace was cut off, and its last number may lack digits.
 */
export function parseTrace(text: string): ParsedTrace {
  const rows = text.split('\n');
  const last = rows.pop();
  if (last !== '') throw endsInsideLine(rows.length + 1);
  if (rows.length === 0) throw new TraceError(1, 'the trace is empty');
  const lines: TraceLine[] = [];
  const unknown = new UnknownLines();
  for (const [i, row] of rows.entries()) {
    const parsed = parseLine(row, i + 1);
    if (typeof parsed === 'string') unknown.add(parsed, i + 1);
    else lines.push(parsed);
  }
  return { lines, total: rows.length, ...unknown.report() };
}

/** The last line has no end: it may lack digits. */
export function endsInsideLine(line: number): TraceError {
  return new TraceError(
    line,
    'the trace ends inside a line; it is truncated (a line end was expected)',
  );
}

/** What QEMU prints before each event with `-msg timestamp=on`: process and time. */
const TIMESTAMP = /^\d+@\d+\.\d+:/;

/**
 * One line, with or without a time stamp, or the name of its event when the grammar has no such event.
 * @throws TraceError when a known event's line is malformed.
 */
export function parseLine(printed: string, line: number): TraceLine | string {
  if (printed.length > MAX_LINE) {
    throw new TraceError(line, `the line has ${printed.length} characters, more than ${MAX_LINE}`);
  }
  const row = printed.replace(TIMESTAMP, '').replace(/\r$/, '');
  const blank = row.indexOf(' ');
  const name = blank < 0 ? row : row.slice(0, blank);
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) {
    throw new TraceError(line, `expected the name of a trace event, found "${name.slice(0, 60)}"`);
  }
  const grammar = GRAMMARS.get(name);
  if (grammar === undefined) return name;
  const match = grammar.pattern.exec(blank < 0 ? '' : row.slice(blank + 1));
  if (match === null) {
    throw new TraceError(
      line,
      `expected ${name} ${grammar.template}, found "${row.slice(0, 200)}"`,
    );
  }
  const fields: Record<string, number | bigint | string> = {};
  for (const [i, field] of grammar.fields.entries()) {
    fields[field.name] = valueOf(match[i + 1] ?? '', field, line);
  }
  // The pattern was compiled from this event's template, so the fields are exactly its own.
  return { event: grammar.event, line, fields } as TraceLine;
}

interface GrammarField {
  readonly name: string;
  readonly kind: string;
}

interface Grammar {
  readonly event: TraceEventName;
  readonly template: string;
  readonly pattern: RegExp;
  readonly fields: readonly GrammarField[];
}

const KIND_PATTERNS: Readonly<Record<string, string>> = {
  x: '(0x[0-9a-f]{1,16})',
  w: '(0x[0-9a-f]{1,16})',
  d: '(-?[0-9]{1,15})',
  s: '(\\S+)',
};

const GRAMMARS: ReadonlyMap<string, Grammar> = new Map(
  (Object.keys(TRACE_EVENTS) as TraceEventName[]).map((event) => [event, compile(event)]),
);

function compile(event: TraceEventName): Grammar {
  const template: string = TRACE_EVENTS[event];
  const fields: GrammarField[] = [];
  const source = template
    .split(/(\{\w+:\w\})/)
    .map((part) => {
      const placeholder = /^\{(\w+):(\w)\}$/.exec(part);
      if (placeholder === null) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const [, name = '', kind = ''] = placeholder;
      const pattern = KIND_PATTERNS[kind];
      if (pattern === undefined) throw new RangeError(`${event}: no field kind "${kind}"`);
      fields.push({ name, kind });
      return pattern;
    })
    .join('');
  return { event, template, pattern: new RegExp(`^${source} ?$`), fields };
}

function valueOf(text: string, field: GrammarField, line: number): number | bigint | string {
  if (field.kind === 's') return text;
  if (field.kind === 'w') return BigInt(text);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new TraceError(line, `${field.name} = ${text} is not below 2^53`);
  }
  return value;
}
