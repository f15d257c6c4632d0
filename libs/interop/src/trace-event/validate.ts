import type { Slice, TraceEvent } from './events';

/** A rule of the format that an event breaks. */
export interface Violation {
  /** Index of the event. */
  readonly index: number;
  readonly rule: string;
}

/**
 * Checks a list of events against the rules of the format: times and durations are finite and not negative, slices of
 * one thread nest, both ends of an arrow exist once and lie in a slice, intervals end once and are called alike at both ends, no
 * end comes before its start, threads that are used have a name.
 */
export function validateTraceEvents(events: readonly TraceEvent[]): readonly Violation[] {
  return [
    ...checkTimes(events),
    ...checkNesting(events),
    ...checkFlows(events),
    ...checkIntervals(events),
    ...checkNames(events),
  ];
}

const threadOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;

function* checkTimes(events: readonly TraceEvent[]): Generator<Violation> {
  const sound = (time: number): boolean => Number.isFinite(time) && time >= 0;
  for (const [index, event] of events.entries()) {
    if (!sound(event.ts)) yield { index, rule: 'ts is a time' };
    if (event.ph === 'X' && !sound(event.dur)) yield { index, rule: 'dur is a duration' };
  }
}

interface Indexed {
  readonly index: number;
  readonly slice: Slice;
}

/** The slices of each thread, outer before inner. */
function slicesByThread(events: readonly TraceEvent[]): Map<string, Indexed[]> {
  const threads = new Map<string, Indexed[]>();
  for (const [index, event] of events.entries()) {
    if (event.ph !== 'X') continue;
    const list = threads.get(threadOf(event)) ?? [];
    list.push({ index, slice: event });
    threads.set(threadOf(event), list);
  }
  for (const list of threads.values()) {
    list.sort((a, b) => a.slice.ts - b.slice.ts || b.slice.dur - a.slice.dur);
  }
  return threads;
}

function* checkNesting(events: readonly TraceEvent[]): Generator<Violation> {
  for (const list of slicesByThread(events).values()) {
    const open: number[] = [];
    for (const { index, slice } of list) {
      while (open.length > 0 && (open.at(-1) ?? 0) <= slice.ts) open.pop();
      const end = slice.ts + slice.dur;
      if (open.length > 0 && end > (open.at(-1) ?? 0)) {
        yield { index, rule: 'a slice ends inside the slice it begins in' };
      }
      open.push(end);
    }
  }
}

function* checkFlows(events: readonly TraceEvent[]): Generator<Violation> {
  const busy = new Map(
    [...slicesByThread(events)].map(([thread, list]) => [thread, busyTimes(list)]),
  );
  const starts = new Map<number, number>();
  const ended = new Set<number>();
  for (const [index, event] of events.entries()) {
    if (event.ph !== 's' && event.ph !== 'f') continue;
    if (!isBusy(busy.get(threadOf(event)) ?? [], event.ts)) {
      yield { index, rule: 'an end of an arrow lies in a slice of its thread' };
    }
    if (event.ph === 's') {
      if (starts.has(event.id)) yield { index, rule: 'an arrow starts once' };
      starts.set(event.id, event.ts);
      continue;
    }
    if (ended.has(event.id)) yield { index, rule: 'an arrow ends once' };
    ended.add(event.id);
    const start = starts.get(event.id);
    if (start === undefined) yield { index, rule: 'an arrow that ends has started' };
    else if (start > event.ts) yield { index, rule: 'an arrow ends after its start' };
  }
  for (const [index, event] of events.entries()) {
    if (event.ph === 's' && !ended.has(event.id)) {
      yield { index, rule: 'an arrow that starts ends' };
    }
  }
}

function* checkIntervals(events: readonly TraceEvent[]): Generator<Violation> {
  const open = new Map<
    string,
    { readonly index: number; readonly name: string; readonly ts: number }
  >();
  const begun = new Set<string>();
  for (const [index, event] of events.entries()) {
    if (event.ph !== 'b' && event.ph !== 'e') continue;
    const key = `${event.pid} ${event.cat} ${event.id}`;
    if (event.ph === 'b') {
      if (begun.has(key)) yield { index, rule: 'an interval begins once' };
      begun.add(key);
      open.set(key, { index, name: event.name, ts: event.ts });
      continue;
    }
    const start = open.get(key);
    open.delete(key);
    if (start === undefined) yield { index, rule: 'an interval that ends has begun' };
    else if (start.ts > event.ts) yield { index, rule: 'an interval ends after its beginning' };
    else if (start.name !== event.name) yield { index, rule: 'both ends are called alike' };
  }
  for (const { index } of open.values()) yield { index, rule: 'an interval that begins ends' };
}

/** The times a thread has slices at: intervals, ascending, apart. */
function busyTimes(list: readonly Indexed[]): (readonly [number, number])[] {
  const times: [number, number][] = [];
  for (const { slice } of list) {
    const last = times.at(-1);
    const end = slice.ts + slice.dur;
    if (last !== undefined && slice.ts <= last[1]) last[1] = Math.max(last[1], end);
    else times.push([slice.ts, end]);
  }
  return times;
}

function isBusy(times: readonly (readonly [number, number])[], ts: number): boolean {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle]?.[0] ?? Infinity) <= ts) low = middle + 1;
    else high = middle;
  }
  return (times[low - 1]?.[1] ?? -1) >= ts;
}

function* checkNames(events: readonly TraceEvent[]): Generator<Violation> {
  const named = new Set<string>();
  for (const event of events) {
    if (event.ph === 'M' && event.name === 'thread_name') named.add(threadOf(event));
  }
  const told = new Set<string>();
  for (const [index, event] of events.entries()) {
    const thread = threadOf(event);
    const isDrawn = event.ph === 'X' || event.ph === 'b' || event.ph === 'i';
    if (!isDrawn || named.has(thread) || told.has(thread)) continue;
    told.add(thread);
    yield { index, rule: 'a thread with slices has a name' };
  }
}
