import type { Batch, FanOut } from '@steward/audit';
import type { Counter, Flow, Instant, Interval, Naming, Slice, TraceEvent } from './events';

/** Microseconds a commit is given: the time axis counts commits, so that order is exact and the picture readable. */
export const COMMIT_US = 1000;

/** One commit as the picture shows it. */
export interface ShownCommit {
  readonly position: number;
  readonly host: string;
  readonly at: string;
  readonly actor: string;
  readonly commandId: string;
  readonly command: string;
  /** Errno of a refusal. */
  readonly refused?: string;
  /** Commit that caused it. */
  readonly causedBy?: number;
  readonly fanOut?: FanOut;
  readonly dma?: {
    readonly matched: number;
    readonly faulted: number;
    readonly mismatched: number;
  };
}

/** A device's time on one domain; `toPosition` null: still so. */
export interface ShownSpan {
  readonly device: string;
  readonly host: string;
  readonly kind: string;
  readonly domain: string | null;
  readonly fromPosition: number;
  readonly toPosition: number | null;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A time in which cached entries of an SMMU did not say what memory says; `closed` null: still so. */
export interface ShownWindow {
  readonly host: string;
  readonly smmu: string;
  /** Whose tables they were made from, e.g. `guest g`. */
  readonly owner: string;
  readonly opened: number;
  readonly closed: number | null;
  readonly args: Readonly<Record<string, unknown>>;
}

/** An access that such an entry answered. */
export interface ShownUse {
  readonly host: string;
  readonly device: string;
  readonly position: number;
  readonly args: Readonly<Record<string, unknown>>;
}

/**
 * Draws a ledger as trace events: a process for each host, in it a thread for each actor (its commands), each SMMU
 * (batches up to a CMD_SYNC, in them commands) and each device (what it is attached to). Arrows go from a commit to the
 * commit it caused and to the batches it put on SMMUs. Stale windows lie across commits, a track for each SMMU; uses of stale
 * entries are marks on the device. Counters: DMA by outcome, cached entries removed.
 */
export class TraceEventExport {
  private readonly pids = new Map<string, number>();
  private readonly tids = new Map<string, number>();
  private readonly actors = new Map<number, { pid: number; tid: number }>();
  private arrows = 0;
  private windows = 0;

  /** The slices, arrows and counters of one commit; commits come in order. */
  *commit(commit: ShownCommit): Generator<TraceEvent> {
    const { position, host, actor } = commit;
    const thread = yield* this.thread(host, 'actor', actor);
    this.actors.set(position, thread);
    const ts = position * COMMIT_US;
    yield {
      ...{ ph: 'X', ...thread, ts, dur: COMMIT_US, cat: 'command' },
      name: commit.refused === undefined ? commit.command : `${commit.command} ${commit.refused}`,
      args: { position, at: commit.at, command: commit.commandId, ...refusal(commit) },
    };
    if (commit.causedBy !== undefined) yield* this.cause(commit.causedBy, thread, ts);
    if (commit.fanOut !== undefined) yield* this.fanOut(host, commit.fanOut, thread);
    yield* this.counters(commit, thread.pid);
  }

  /** The slice of one attachment. @param end the ledger's last position, for a span that has no end. */
  *span(span: ShownSpan, end: number): Generator<TraceEvent> {
    const thread = yield* this.thread(span.host, 'device', span.device);
    const last = span.toPosition ?? end + 1;
    const slice: Slice = {
      ...{ ph: 'X', ...thread, cat: 'attachment', args: span.args },
      name: span.domain === null ? span.kind : `${span.kind} ${span.domain}`,
      ts: span.fromPosition * COMMIT_US,
      dur: (last - span.fromPosition) * COMMIT_US,
    };
    yield slice;
  }

  /** A stale window. @param end the ledger's last position, for one that is open still. */
  *window(window: ShownWindow, end: number): Generator<TraceEvent> {
    const { host, smmu, owner, opened, closed, args } = window;
    const thread = yield* this.thread(host, 'stale entries of SMMU', smmu);
    const interval = { ...thread, cat: 'stale window', name: owner, id: ++this.windows };
    const begin: Interval = { ph: 'b', ...interval, ts: opened * COMMIT_US, args };
    yield begin;
    // It lasts to the end of the commit that closes it, so that one of a single commit can be seen.
    yield { ph: 'e', ...interval, ts: ((closed ?? end) + 1) * COMMIT_US };
  }

  *use({ host, device, position, args }: ShownUse): Generator<TraceEvent> {
    const thread = yield* this.thread(host, 'device', device);
    const mark = { ph: 'i', s: 't', ...thread, cat: 'stale use', name: 'stale use' } as const;
    const instant: Instant = { ...mark, ts: position * COMMIT_US, args };
    yield instant;
  }

  private *cause(
    from: number,
    thread: { pid: number; tid: number },
    ts: number,
  ): Generator<TraceEvent> {
    const actor = this.actors.get(from);
    if (actor !== undefined)
      yield* this.arrow('caused', { ...actor, ts: from * COMMIT_US }, { ...thread, ts });
  }

  private *fanOut(
    host: string,
    { position, smmus }: FanOut,
    actor: { pid: number; tid: number },
  ): Generator<TraceEvent> {
    const start = position * COMMIT_US;
    for (const { smmu, batches } of smmus) {
      const thread = yield* this.thread(host, 'SMMU', smmu);
      for (const [i, batch] of batches.entries()) {
        const [ts, end] = part(i, batches.length, [start, start + COMMIT_US]);
        yield* batchSlices(batch, thread, [ts, end]);
        yield* this.arrow('fan-out', { ...actor, ts: start }, { ...thread, ts });
      }
    }
  }

  private *counters({ position, dma, fanOut }: ShownCommit, pid: number): Generator<Counter> {
    const at = { ph: 'C', pid, tid: 0, ts: position * COMMIT_US } as const;
    if (dma !== undefined) yield { ...at, name: 'DMA', args: { ...dma } };
    const removed = fanOut?.totals.removed ?? {};
    if (Object.keys(removed).length > 0) yield { ...at, name: 'removed entries', args: removed };
  }

  private *arrow(
    name: string,
    from: { pid: number; tid: number; ts: number },
    to: { pid: number; tid: number; ts: number },
  ): Generator<Flow> {
    const id = ++this.arrows;
    yield { ph: 's', ...from, name, cat: name, id };
    yield { ph: 'f', bp: 'e', ...to, name, cat: name, id };
  }

  private *thread(
    host: string,
    kind: string,
    name: string,
  ): Generator<Naming, { pid: number; tid: number }> {
    let pid = this.pids.get(host);
    if (pid === undefined) {
      pid = this.pids.size + 1;
      this.pids.set(host, pid);
      yield { ph: 'M', pid, tid: 0, ts: 0, name: 'process_name', args: { name: `host ${host}` } };
    }
    const key = `${host}\n${kind}\n${name}`;
    let tid = this.tids.get(key);
    if (tid === undefined) {
      tid = this.tids.size + 1;
      this.tids.set(key, tid);
      yield { ph: 'M', pid, tid, ts: 0, name: 'thread_name', args: { name: `${kind} ${name}` } };
    }
    return { pid, tid };
  }
}

function refusal({ refused }: ShownCommit): object {
  return refused === undefined ? {} : { refused };
}

/** The i-th of n equal parts of a time. Its end is computed as the next one's start, so that they meet exactly. */
function part(i: number, n: number, [start, end]: readonly [number, number]): [number, number] {
  const at = (k: number): number => (k === n ? end : start + ((end - start) * k) / n);
  return [at(i), at(i + 1)];
}

/** A batch, and inside it a slice for each of its commands. */
function* batchSlices(
  { commands, synced }: Batch,
  thread: { pid: number; tid: number },
  time: readonly [number, number],
): Generator<Slice> {
  const slice = (
    cat: string,
    name: string,
    [ts, end]: readonly [number, number],
    args: object,
  ) => ({
    ...({ ph: 'X', ...thread, ts, dur: end - ts, cat, name } as const),
    args: { ...args },
  });
  const name = synced ? 'to CMD_SYNC' : 'without CMD_SYNC';
  yield slice('batch', name, time, { commands: commands.length });
  for (const [i, { name: command, ...args }] of commands.entries()) {
    yield slice('SMMU command', command, part(i, commands.length, time), args);
  }
}
