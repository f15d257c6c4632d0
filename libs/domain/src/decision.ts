import type { Errno } from './errno';
import type { AggregateKind, EventOf } from './aggregates';

/** One event for one stream, before it has a position. */
export interface Emitted {
  /** `kind/id` of the aggregate that owns the fact. */
  readonly stream: string;
  readonly event: { readonly type: string; readonly words?: BigUint64Array };
}

/** Nothing happened: the errno the kernel would give, a stable code, and a sentence for people. */
export interface Rejection {
  readonly errno: Errno;
  readonly code: string;
  readonly reason: string;
}

/** What an ioctl writes back beside its errno, by the field's name. */
export type Answer = Readonly<Record<string, AnswerValue>>;
export type AnswerValue =
  string | number | boolean | readonly AnswerValue[] | { readonly [name: string]: AnswerValue };

export type Decision =
  | {
      readonly ok: true;
      readonly events: readonly Emitted[];
      /** What the kernel met after these events: they have happened, and the caller gets this errno. */
      readonly stopped?: Rejection;
      readonly answer?: Answer;
    }
  | ({ readonly ok: false; readonly answer?: Answer } & Rejection);

export function accept(...events: readonly Emitted[]): Decision {
  return { ok: true, events };
}

export function reject(errno: Errno, code: string, reason: string): Decision {
  return { ok: false, errno, code, reason };
}

/** Name of the stream that holds an aggregate's events. */
export function streamOf(kind: AggregateKind, id: string): string {
  return `${kind}/${id}`;
}

/** An event addressed to the stream of its aggregate. */
export function emit<K extends AggregateKind>(kind: K, id: string, event: EventOf<K>): Emitted {
  return { stream: streamOf(kind, id), event };
}

/** A command or event type without a case is a bug that the compiler reports. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** `evolve` met an event that no history of this aggregate can hold: the log is not a history of it. */
export class ImpossibleEventError extends Error {
  override readonly name = 'ImpossibleEventError';
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ImpossibleEventError(message);
}
