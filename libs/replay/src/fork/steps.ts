import { commandOf } from '@steward/domain';
import type { Command } from '@steward/domain';
import type { Ledger, StoredCommit } from '@steward/ledger';
import { changed, type Change } from './changes';
import { ForkRefusedError } from './fork-refused';
import type { Inventory, Parting } from './kept-history';

/** A command that the original history did not have. */
export interface Insertion {
  /** The commit of the original history that it comes right after. */
  readonly after: number;
  readonly actor: string;
  /** Host it is for; by default that of the commit before it. */
  readonly host?: string;
  readonly command: Command;
}

/** How the other history differs in what it is asked. */
export interface Edits {
  readonly changes: readonly Change[];
  /** Commits of commands from outside that are left out. */
  readonly without: ReadonlySet<number>;
  readonly inserted: readonly Insertion[];
  /** Commit of a command from outside → the commit that it comes right after instead. */
  readonly moved: ReadonlyMap<number, number>;
}

/** Why a step is not simply what was asked at its place in the original history. */
export type Edit = 'changed' | 'removed' | 'inserted' | 'moved';

/** One command from outside, in the order of the other history. */
export interface ForkStep {
  /** Its commit in the original history; null for one that history did not have. */
  readonly origin: number | null;
  readonly edit?: Edit;
  readonly host: string;
  readonly actor: string;
  readonly commandId: string;
  readonly correlationId?: string;
  /** The time it is decided at: that of the original commit, so that the same fork gives the same bytes. */
  readonly at: string;
  readonly command: Command;
}

const FORK_ACTOR = 'fork';

/**
 * What the other history is asked, in its order: the changes that can be made while all runs, then the original's
 * commands from outside with the edits. What process managers asked is left to them.
 * @throws ForkRefusedError
 */
export async function* forkSteps(
  ledger: Ledger,
  { kept, families }: Parting,
  edits: Edits,
): AsyncGenerator<ForkStep> {
  const { without, moved, changes } = edits;
  for (const position of [...without, ...moved.keys()]) {
    if (families.has(position)) continue;
    const why = position <= kept ? `the fork keeps the first ${kept}` : 'its cause asked for it';
    throw new ForkRefusedError(`commit ${position} cannot be left out or moved: ${why}`);
  }
  const places = placesOf(edits, { kept, families });
  let n = 0;
  const arriving = async function* (after: number, before: StoredCommit | undefined) {
    for (const item of places.get(after) ?? []) {
      if (typeof item === 'number') {
        const commit = await ledger.commit(item);
        if (commit !== undefined) yield stepOf(commit, changes, 'moved');
      } else yield insertedStep(item, before, ++n);
    }
  };
  yield* arriving(kept, kept === 0 ? undefined : await ledger.commit(kept));
  for await (const commit of ledger.commits({ after: kept })) {
    const { position } = commit;
    if (!families.has(position)) continue;
    if (!moved.has(position)) {
      yield stepOf(commit, changes, without.has(position) ? 'removed' : undefined);
    }
    yield* arriving(position, commit);
  }
}

/** What comes right after which commit from outside; one that a process manager made stands for its cause. */
function placesOf(
  { inserted, moved }: Edits,
  { kept, families }: Parting,
): ReadonlyMap<number, readonly (number | Insertion)[]> {
  const rootOf = new Map(
    [...families].flatMap(([root, family]) => family.map((position) => [position, root] as const)),
  );
  const places = new Map<number, (number | Insertion)[]>();
  const put = (after: number, item: number | Insertion): void => {
    const place = after === kept ? kept : rootOf.get(after);
    if (place === undefined) {
      throw new ForkRefusedError(`nothing can come after commit ${after}: the fork keeps ${kept}`);
    }
    places.set(place, [...(places.get(place) ?? []), item]);
  };
  for (const [position, after] of moved) put(after, position);
  for (const insertion of inserted) put(Math.max(insertion.after, kept), insertion);
  return places;
}

function stepOf(commit: StoredCommit, changes: readonly Change[], edit?: Edit): ForkStep {
  const { position, host, actor, commandId, correlationId, at } = commit;
  const { type, ...payload } = commit.command;
  const words = commit.commandWords;
  const asked = commandOf({ type: String(type), payload, ...(words && { words }) });
  const command = changed(asked, changes);
  const why = edit ?? (command === asked ? undefined : 'changed');
  return {
    ...{ origin: position, host, actor, commandId, at, command },
    ...(why !== undefined && { edit: why }),
    ...(correlationId !== undefined && { correlationId }),
  };
}

function insertedStep(
  { actor, command, host: wanted }: Insertion,
  before: StoredCommit | undefined,
  n: number,
): ForkStep {
  const host = wanted ?? before?.host;
  if (host === undefined) throw new ForkRefusedError(`insertion ${n} names no host`);
  const at = before?.at ?? EPOCH;
  return { origin: null, edit: 'inserted', host, actor, commandId: `fork:${n}`, at, command };
}

const EPOCH = '1970-01-01T00:00:00.000Z';

/**
 * The commands that make the changes for what exists already.
 * @throws ForkRefusedError when an ID register of an SMMU or the defect of a host that exists would have to change, or a change concerns nothing.
 */
export function switchingSteps(
  changes: readonly Change[],
  { hosts, smmus }: Inventory,
  at: string,
): ForkStep[] {
  const steps: ForkStep[] = [];
  const add = (host: string, command: Command): void => {
    const commandId = `fork:switch.${steps.length + 1}`;
    steps.push({ origin: null, edit: 'inserted', host, actor: FORK_ACTOR, commandId, at, command });
  };
  for (const change of changes) {
    const meant = (id: string): boolean => (change.of ?? id) === id;
    if (change.kind === 'policy') {
      for (const host of hosts.keys()) {
        if (meant(host)) add(host, { type: 'ChangePolicy', host, policy: change.policy });
      }
      continue;
    }
    if (change.kind === 'forgets') {
      for (const [host, position] of hosts) {
        if (!meant(host)) continue;
        const why = `${host} was registered by commit ${position}`;
        throw new ForkRefusedError(`${change.text}: ${why}; fork at ${position - 1} or before`);
      }
      continue;
    }
    for (const [smmu, { host, position }] of smmus) {
      if (!meant(smmu)) continue;
      if (change.kind === 'register') {
        const why = `${smmu} was added by commit ${position}`;
        throw new ForkRefusedError(`${change.text}: ${why}; fork at ${position - 1} or before`);
      }
      add(host, { type: 'ForceFeatures', smmu, switches: change.switches });
    }
  }
  return steps;
}
