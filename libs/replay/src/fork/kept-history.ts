import type { CommitDraft, Ledger, StoredCommit } from '@steward/ledger';
import type { Finding } from '@steward/machine';
import { Coherence } from '../coherence/coherence';
import type { LoggedHistory } from '../snapshots/snapshots';
import { ForkRefusedError } from './fork-refused';

/** Hosts and SMMUs that exist when the histories part. */
export interface Inventory {
  /** Host → commit that registered it. */
  readonly hosts: ReadonlyMap<string, number>;
  /** SMMU → its host, and the commit that added it. */
  readonly smmus: ReadonlyMap<string, { readonly host: string; readonly position: number }>;
}

/**
 * The commits that a fork at `at` keeps, and what follows them. A command and what process managers did about it belong
 * together: where `at` lies between them, the command is decided anew too.
 */
export interface Parting {
  readonly kept: number;
  /** Commits after `kept` that came from outside → all commits they led to, themselves first. */
  readonly families: ReadonlyMap<number, readonly number[]>;
}

export async function parting(ledger: Ledger, at: number): Promise<Parting> {
  const rootOf = new Map<number, number>();
  let kept = at;
  for await (const { position, causationId } of ledger.commits()) {
    const cause = Number(causationId);
    const root = causationId === undefined ? position : (rootOf.get(cause) ?? cause);
    rootOf.set(position, root);
    if (position > at && root <= kept) kept = root - 1;
  }
  // Going further back may cut what another host's process managers were doing.
  const straddles = [...rootOf].some(([position, root]) => position > kept && root <= kept);
  if (straddles) return parting(ledger, kept);
  const families = new Map<number, number[]>();
  for (const [position, root] of rootOf) {
    if (position <= kept) continue;
    const family = families.get(root);
    if (family === undefined) families.set(root, [position]);
    else family.push(position);
  }
  return { kept, families };
}

/** Commits in flight while a history is copied; they share fsyncs. */
const IN_FLIGHT = 256;

/** Copies the commits up to `kept` into an empty ledger, so that their hashes are the same there. */
export async function copyKept(from: Ledger, to: Ledger, kept: number): Promise<Inventory> {
  const hosts = new Map<string, number>();
  const smmus = new Map<string, { host: string; position: number }>();
  await copy(from.commits({ until: kept }), to, ({ position, host, events }) => {
    for (const { type, payload } of events) {
      if (type === 'HostRegistered') hosts.set(String(payload['host']), position);
      if (type === 'SmmuAdded') smmus.set(String(payload['smmu']), { host, position });
    }
  });
  return { hosts, smmus };
}

/**
 * Copies what an interrupted run of the same fork has decided, so that it need not be decided again. Its last command may
 * have been cut off among what it led to and is left out: only decided anew does it come out as without the interruption.
 * @param to holds the `kept` commits and nothing else.
 * @returns ids of the commands from outside → the commits they led to, themselves first.
 * @throws ForkRefusedError when the run did not part from this history.
 */
export async function copyDecided(
  interrupted: Ledger,
  to: Ledger,
  kept: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const decided = new Map<string, readonly number[]>();
  if (kept > 0) {
    const [theirs, ours] = [await interrupted.commit(kept), await to.commit(kept)];
    if (theirs === undefined) return decided;
    if (theirs.hash !== ours?.hash) {
      throw new ForkRefusedError(`the interrupted fork has another commit ${kept}`);
    }
  }
  let family: number[] = [];
  await copy(wholeFamilies(interrupted, kept), to, ({ causationId, commandId, position }) => {
    if (causationId === undefined) decided.set(commandId, (family = []));
    family.push(position);
  });
  return decided;
}

/** The commits after `kept`, without the last one from outside and what it led to. */
async function* wholeFamilies(ledger: Ledger, kept: number): AsyncGenerator<StoredCommit> {
  let family: StoredCommit[] = [];
  for await (const commit of ledger.commits({ after: kept })) {
    if (commit.causationId === undefined) {
      yield* family;
      family = [];
    }
    family.push(commit);
  }
}

async function copy(
  commits: AsyncIterable<StoredCommit>,
  to: Ledger,
  visit: (commit: StoredCommit) => void,
): Promise<void> {
  let pending: Promise<unknown>[] = [];
  for await (const commit of commits) {
    pending.push(to.append(draftOf(commit)));
    visit(commit);
    if (pending.length < IN_FLIGHT) continue;
    await Promise.all(pending);
    pending = [];
  }
  await Promise.all(pending);
}

function draftOf({ events, ...commit }: StoredCommit): CommitDraft {
  const { position: _, prevHash: __, hash: ___, ...draft } = commit;
  return {
    ...draft,
    reads: [],
    events: events.map(({ stream, type, schema, payload, words }) => ({
      ...{ stream, type, schema, payload },
      ...(words && { words }),
    })),
  };
}

/** What the coherence checker has to say of the commits after `kept`, by position; those it says nothing of are left out. */
export async function findingsAfter(
  history: LoggedHistory,
  kept: number,
): Promise<ReadonlyMap<number, readonly Finding[]>> {
  const coherence = new Coherence(history);
  await coherence.moveTo(kept);
  const found = new Map<number, readonly Finding[]>();
  for await (const { commit, findings } of coherence.findings(await history.ledger.latest())) {
    if (findings.length > 0) found.set(commit.position, findings);
  }
  return found;
}
