import { steView } from '@steward/audit';
import { DECIDERS, eventOf, parseStream } from '@steward/domain';
import type { AggregateKind, Decider, StateOf } from '@steward/domain';
import type { Ledger, StoredCommit, StoredEvent } from '@steward/ledger';
import { Machine } from '@steward/machine';
import { machineCommit } from '../machine-commit';
import { viewOf, type ViewObject } from './state-view';

/** One aggregate at a position. */
export interface AggregateView {
  readonly kind: AggregateKind;
  readonly id: string;
  /** Number of its events so far, and the commit of the last. */
  readonly version: number;
  readonly changedAt: number;
  readonly state: ViewObject;
}

interface Folded {
  version: number;
  changedAt: number;
  state: StateOf<AggregateKind> | undefined;
}

/** Which aggregates to look at: those of a kind, or one. */
export interface Selection {
  readonly kind?: AggregateKind;
  readonly id?: string;
}

/** Every state of a ledger, folded as far as one has gone: the aggregates', and the machine's where it is looked at. */
export class States {
  position = 0;
  private readonly folded = new Map<string, Folded>();
  private readonly machine = new Machine();
  private readonly hostOf = new Map<string, string>();

  constructor(private readonly selection: Selection = {}) {}

  /**
   * Goes on to `position`, never back.
   * @param progress called with each position done.
   */
  async advance(
    ledger: Ledger,
    position: number,
    progress?: (position: number) => void,
  ): Promise<void> {
    for await (const commit of ledger.commits({ after: this.position, until: position })) {
      this.apply(commit);
      progress?.(commit.position);
    }
    this.position = position;
  }

  /** The selected aggregates by `kind/id`, in the order in which they came to be. */
  views(): ReadonlyMap<string, AggregateView> {
    const views = new Map<string, AggregateView>();
    for (const [stream, { version, changedAt, state }] of this.folded) {
      const { kind, id } = parseStream(stream);
      const shown = { ...(viewOf(state) as ViewObject), ...this.machineView(kind, id, stream) };
      views.set(stream, { kind, id, version, changedAt, state: shown });
    }
    return views;
  }

  private apply(commit: StoredCommit): void {
    if (this.needsMachine()) this.machine.apply(machineCommit(commit));
    for (const event of commit.events) {
      const { kind, id } = parseStream(event.stream);
      if (!this.selects(kind, id)) continue;
      this.hostOf.set(event.stream, commit.host);
      evolve(this.entry(event.stream), kind, event);
    }
  }

  private entry(stream: string): Folded {
    let entry = this.folded.get(stream);
    if (entry === undefined) {
      entry = { version: 0, changedAt: 0, state: undefined };
      this.folded.set(stream, entry);
    }
    return entry;
  }

  private selects(kind: AggregateKind, id: string): boolean {
    const { kind: wanted, id: only } = this.selection;
    return (wanted ?? kind) === kind && (only ?? id) === id;
  }

  /** Only a device's view shows something of the hardware: the STE in force. */
  private needsMachine(): boolean {
    return (this.selection.kind ?? 'device') === 'device';
  }

  private machineView(kind: AggregateKind, id: string, stream: string): ViewObject {
    if (kind !== 'device') return {};
    const host = this.machine.host(this.hostOf.get(stream) ?? '');
    const { words, fields } = steView(host.physicalSte(id));
    return { ste: { words, fields } };
  }
}

function evolve(entry: Folded, kind: AggregateKind, event: StoredEvent): void {
  const decider = DECIDERS[kind] as unknown as Decider<AggregateKind>;
  entry.state = decider.evolve(entry.state, eventOf(event));
  entry.version = event.version;
  entry.changedAt = event.position;
}
