import { commandOf, decide } from '@steward/domain';
import type { AggregateKind, Context, StateOf } from '@steward/domain';
import type { StoredCommit } from '@steward/ledger';
import type { Wanted } from '../snapshots/host-history';
import type { LoggedHistory } from '../snapshots/snapshots';
import { Histories, type Progress } from '../time-travel/histories';

/** A state that a decision looked at. */
export interface Looked {
  /** `KIND/ID`. */
  readonly stream: string;
  /** Its version then, 0: it did not exist. */
  readonly version: number;
  /** The commit that had made it so. */
  readonly changedAt: number | null;
}

/** The aggregates, without the machine. */
const AGGREGATES: Wanted = { machine: false, selects: () => true };

/**
 * What the answer to a command followed from: the states its decision looked at, as they were then, in the order in which it
 * looked. The decision is run again over them; it is pure.
 */
export async function whyAnswer(
  history: LoggedHistory,
  commit: StoredCommit,
  progress?: Progress,
): Promise<Looked[]> {
  const histories = new Histories(history, { wanted: AGGREGATES });
  await histories.moveTo(commit.position - 1, progress);
  const states = new Map([...histories.hosts.values()].flatMap((host) => [...host.aggregates]));
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
