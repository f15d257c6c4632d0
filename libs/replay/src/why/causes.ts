import type { JsonObject, Ledger, StoredCommit } from '@steward/ledger';

/** A commit as one link of a chain of causes. */
export interface Cause {
  readonly position: number;
  readonly at: string;
  readonly actor: string;
  readonly commandId: string;
  readonly command: JsonObject;
  readonly outcome: StoredCommit['outcome'];
}

/** A commit, the one that caused it, and so on, up to the command from outside. */
export async function causesOf(ledger: Ledger, position: number): Promise<Cause[]> {
  const chain: Cause[] = [];
  for (let at = position; ;) {
    const commit = await ledger.commit(at);
    if (commit === undefined) return chain;
    chain.push(causeOf(commit));
    const { causationId } = commit;
    // A cause lies before what it caused: the chain ends.
    if (causationId === undefined || Number(causationId) >= at) return chain;
    at = Number(causationId);
  }
}

/** Of each commit that made one of these changes: it and its causes, by position. */
export async function chainsOf(
  ledger: Ledger,
  changes: Iterable<{ readonly position: number }>,
): Promise<ReadonlyMap<number, readonly Cause[]>> {
  const chains = new Map<number, readonly Cause[]>();
  for (const { position } of changes) {
    if (!chains.has(position)) chains.set(position, await causesOf(ledger, position));
  }
  return chains;
}

export function causeOf(commit: StoredCommit): Cause {
  const { position, at, actor, commandId, command, outcome } = commit;
  return { position, at, actor, commandId, command, outcome };
}

/** What a commit caused, each with what it caused in turn. */
export interface Consequence extends Cause {
  /** Types of its events, in order. */
  readonly events: readonly string[];
  readonly led: readonly Consequence[];
}

interface Growing extends Cause {
  readonly events: readonly string[];
  readonly led: Growing[];
}

/**
 * Everything that process managers did because of a commit. A host's lane lets them finish before it takes the next command
 * from outside, so nothing can follow after that.
 */
export async function consequencesOf(ledger: Ledger, position: number): Promise<Consequence> {
  const first = await ledger.commit(position);
  if (first === undefined) throw new RangeError(`there is no commit ${position}`);
  const root = grown(first);
  const family = new Map([[position, root]]);
  for await (const commit of ledger.commits({ after: position, host: first.host })) {
    if (commit.causationId === undefined) break;
    const cause = family.get(Number(commit.causationId));
    if (cause === undefined) continue;
    const member = grown(commit);
    cause.led.push(member);
    family.set(commit.position, member);
  }
  return root;
}

function grown(commit: StoredCommit): Growing {
  return { ...causeOf(commit), events: commit.events.map(({ type }) => type), led: [] };
}
