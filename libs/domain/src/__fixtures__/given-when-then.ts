import { decide, DECIDERS, parseStream } from '../aggregates';
import type { AggregateKind, Command, Context, Decider, StateOf } from '../aggregates';
import type { Decision, Emitted } from '../decision';
import type { Errno } from '../errno';

/** Folds events by stream; a context over the resulting states. */
export class History implements Context {
  private readonly states = new Map<string, unknown>();

  constructor(events: readonly Emitted[]) {
    this.follow(events);
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(`${kind}/${id}`) as StateOf<K> | undefined;
  }

  follow(events: readonly Emitted[]): void {
    for (const { stream, event } of events) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<AggregateKind>;
      const before = this.states.get(stream) as StateOf<AggregateKind> | undefined;
      this.states.set(stream, decider.evolve(before, event as never));
    }
  }
}

/** The events of a sequence of commands, each of which must be accepted. */
export function history(...commands: readonly Command[]): Emitted[] {
  const events: Emitted[] = [];
  const context = new History([]);
  for (const command of commands) {
    const decision = decide(command, context);
    if (!decision.ok) throw new Error(`${command.type} in the history: ${decision.reason}`);
    events.push(...decision.events);
    context.follow(decision.events);
  }
  return events;
}

interface Asserted {
  /** The decision, but for what the ioctl answers, is an acceptance of exactly these events, which the states can follow. */
  then(...events: readonly Emitted[]): void;
  thenNothingHappened(): void;
  thenRejected(errno: Errno, code: string): void;
  readonly decision: Decision;
}

/** `given(events).when(command).then(...)`, as a decider's contract reads. */
export function given(...events: readonly Emitted[]): { when(command: Command): Asserted } {
  return {
    when(command) {
      const context = new History(events);
      const decision = decide(command, context);
      const then = (...expected: readonly Emitted[]): void => {
        const { answer: _, ...said } = decision;
        expect(said).toEqual({ ok: true, events: expected });
        context.follow(expected);
      };
      return {
        decision,
        then,
        thenNothingHappened: () => then(),
        thenRejected: (errno, code) => expect(decision).toMatchObject({ ok: false, errno, code }),
      };
    },
  };
}
