import { commandOf, decide, DECIDERS, eventOf, parseStream } from '@steward/domain';
import type { AggregateKind, Context, Decider, StateOf } from '@steward/domain';
import type { Ledger, StoredCommit } from '@steward/ledger';

/** A state that a decision looked at. */
export interface Looked {
  /** `KIND/ID`. */
  readonly stream: string;
  /** Its version then, 0: it did not exist. */
  readonly version: number;
  /** The commit that had made it so. */
  readonly changedAt: number | null;
}

/**
 * What the answer to a command followed from: the states its decision looked at, as they were then, in the order in which it
 * looked. The decision is run again over them; it is pure.
 */
export async function whyAnswer(ledger: Ledger, commit: StoredCommit): Promise<Looked[]> {
  const states = new Map<string, Folded>();
  for await (const { position, events } of ledger.commits({ until: commit.position - 1 })) {
    for (const event of events) {
      const decider = DECIDERS[parseStream(event.stream).kind] as unknown as Decider<AggregateKind>;
      const state = decider.evolve(states.get(event.stream)?.state, eventOf(event));
      states.set(event.stream, { state, version: event.version, changedAt: position });
    }
  }
  const looked = new Map<string, Looked>();
  const context: Context = {
    get: <K extends AggregateKind>(kind: K, id: string) => {
      const stream = `${kind}/${id}`;
      const folded = states.get(stream);
      const { version = 0, changedAt = null } = folded ?? {};
      looked.set(stream, { stream, version, changedAt });
      return folded?.state as StateOf<K> | undefined;
    },
  };
  const { type, ...payload } = commit.command;
  const words = commit.commandWords;
  decide(commandOf({ type: String(type), payload, ...(words && { words }) }), context);
  return [...looked.values()];
}

interface Folded {
  readonly state: StateOf<AggregateKind>;
  readonly version: number;
  readonly changedAt: number;
}
