import { DECIDERS, eventOf, parseStream } from '@steward/domain';
import type { AggregateKind, Decider, StateOf } from '@steward/domain';
import type { CommitEvents, StoredEvent } from '@steward/ledger';
import {
  decodeGraph,
  Digest,
  encodeGraph,
  Machine,
  SnapshotError,
  snapshotVersion,
} from '@steward/machine';
import type { Finding, HostMachine } from '@steward/machine';
import { machineCommit } from '../machine-commit';

/** An aggregate, folded. */
export interface FoldedAggregate {
  /** Number of its events so far. */
  version: number;
  /** The event that made it: commit and place in it. */
  readonly createdAt: readonly [position: number, idx: number];
  /** The commit of its last event. */
  changedAt: number;
  state: StateOf<AggregateKind> | undefined;
}

/** What of a history to fold; what is not folded is not there. */
export interface Wanted {
  readonly machine: boolean;
  selects(kind: AggregateKind, id: string): boolean;
}

export const EVERYTHING: Wanted = { machine: true, selects: () => true };

/** What a snapshot holds. */
interface Kept {
  readonly position: number;
  readonly aggregates: Map<string, FoldedAggregate>;
  readonly machine: Uint8Array;
}

/** One host's commits, folded: its machine and its aggregates after commit `position`. */
export class HostHistory {
  position = 0;
  /** By `kind/id`. */
  aggregates = new Map<string, FoldedAggregate>();
  /** With the coherence checker: what is stale at a position is known from the nearest snapshot on, too. */
  private readonly machine = new Machine();

  constructor(
    readonly host: string,
    private readonly wanted: Wanted = EVERYTHING,
  ) {}

  /**
   * The history that `encode` wrote.
   * @throws SnapshotError for bytes that this code did not write.
   */
  static decode(host: string, bytes: Uint8Array, wanted: Wanted = EVERYTHING): HostHistory {
    const history = new HostHistory(host, wanted);
    const kept = decodeGraph(bytes, new Map()) as Kept;
    if (!(kept.aggregates instanceof Map)) throw new SnapshotError('a snapshot of no history');
    history.position = kept.position;
    history.aggregates = kept.aggregates;
    if (wanted.machine) history.machine.restore(host, kept.machine);
    return history;
  }

  /** Everything as bytes. Only of a history that folds everything. */
  encode(): Uint8Array {
    const { host, position, aggregates } = this;
    const machine = this.machine.snapshot(host);
    return encodeGraph({ position, aggregates, machine } satisfies Kept, new Map());
  }

  /** Folds the host's next commit. @returns what the coherence checker says of it. */
  apply(commit: CommitEvents): readonly Finding[] {
    const findings = this.wanted.machine ? this.machine.apply(machineCommit(commit)).findings : [];
    for (const event of commit.events) {
      const { kind, id } = parseStream(event.stream);
      if (this.wanted.selects(kind, id)) evolve(this.aggregate(event), kind, event);
    }
    this.position = commit.position;
    return findings;
  }

  /** Undefined while the log has not registered the host, or where the machine is not folded. */
  get hostMachine(): HostMachine | undefined {
    return this.machine.has(this.host) ? this.machine.host(this.host) : undefined;
  }

  /** The digest of the machine's effects so far: 32 hex digits. */
  get digest(): string | undefined {
    return this.machine.digestOf(this.host);
  }

  private aggregate({ stream, position, idx }: StoredEvent): FoldedAggregate {
    let entry = this.aggregates.get(stream);
    if (entry === undefined) {
      entry = { version: 0, createdAt: [position, idx], changedAt: 0, state: undefined };
      this.aggregates.set(stream, entry);
    }
    return entry;
  }
}

function evolve(entry: FoldedAggregate, kind: AggregateKind, event: StoredEvent): void {
  const decider = DECIDERS[kind] as unknown as Decider<AggregateKind>;
  entry.state = decider.evolve(entry.state, eventOf(event));
  entry.version = event.version;
  entry.changedAt = event.position;
}

/** What a snapshot holds: 2, the coherence checker too. */
const CONTENT = '2';

let version: string | undefined;

/** Names the code whose histories can be read: the machine's, and a digest over the source of every aggregate's fold. */
export function historyVersion(): string {
  if (version === undefined) {
    const text = new Digest();
    for (const { evolve: fold } of Object.values(DECIDERS)) text.text(String(fold));
    version = `${snapshotVersion()}.${CONTENT}.${text.hex()}`;
  }
  return version;
}
