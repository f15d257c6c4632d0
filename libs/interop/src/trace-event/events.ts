/**
 * Events of the Trace Event Format, as Perfetto and chrome://tracing read them; the kinds this project writes.
 * Times are microseconds.
 */
export type TraceEvent = Slice | Flow | Interval | Instant | Counter | Naming;

interface Placed {
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
}

/** A slice of a thread's time. Slices of one thread lie inside or outside each other, never across. */
export interface Slice extends Placed {
  readonly ph: 'X';
  readonly name: string;
  readonly cat: string;
  readonly dur: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** One end of an arrow between slices: `s` where it starts, `f` where it ends; both carry its id, name and category. */
export interface Flow extends Placed {
  readonly ph: 's' | 'f';
  readonly name: string;
  readonly cat: string;
  readonly id: number;
  /** Binds the end to the slice it lies in, not to the next one. */
  readonly bp?: 'e';
}

/** One end of a time that may lie across others: `b` where it begins, `e` where it ends; both carry its id, name and category. */
export interface Interval extends Placed {
  readonly ph: 'b' | 'e';
  readonly name: string;
  readonly cat: string;
  readonly id: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Something that happens at once, in a thread. */
export interface Instant extends Placed {
  readonly ph: 'i';
  readonly s: 't';
  readonly name: string;
  readonly cat: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Values of a process at a time, each a line of its own. */
export interface Counter extends Placed {
  readonly ph: 'C';
  readonly name: string;
  readonly args: Readonly<Record<string, number>>;
}

/** The name of a process or a thread. */
export interface Naming extends Placed {
  readonly ph: 'M';
  readonly name: 'process_name' | 'thread_name';
  readonly args: { readonly name: string };
}
