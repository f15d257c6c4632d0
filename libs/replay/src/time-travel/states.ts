import { steView } from '@steward/audit';
import { parseStream } from '@steward/domain';
import type { AggregateKind } from '@steward/domain';
import type { FoldedAggregate, HostHistory, Wanted } from '../snapshots/host-history';
import type { LoggedHistory } from '../snapshots/snapshots';
import { Histories, hostOfAggregate, type Progress } from './histories';
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

/** Which aggregates to look at: those of a kind, or one. */
export interface Selection {
  readonly kind?: AggregateKind;
  readonly id?: string;
}

/** Every state of a ledger at a position: the aggregates', and the machine's where it is looked at. */
export class States {
  private histories: Histories | undefined;

  constructor(
    private readonly history: LoggedHistory,
    private readonly selection: Selection = {},
  ) {}

  /** Goes to `position`, forwards or back. */
  async moveTo(position: number, progress?: Progress): Promise<void> {
    this.histories ??= await this.begin();
    await this.histories.moveTo(position, progress);
  }

  /** The selected aggregates by `kind/id`, in the order in which they came to be. */
  views(): ReadonlyMap<string, AggregateView> {
    const found: [stream: string, FoldedAggregate, HostHistory][] = [];
    for (const history of this.histories?.hosts.values() ?? []) {
      for (const [stream, aggregate] of history.aggregates) {
        const { kind, id } = parseStream(stream);
        if (this.selects(kind, id)) found.push([stream, aggregate, history]);
      }
    }
    found.sort(([, a], [, b]) => {
      return a.createdAt[0] - b.createdAt[0] || a.createdAt[1] - b.createdAt[1];
    });
    return new Map(found.map(([stream, ...folded]) => [stream, this.view(stream, ...folded)]));
  }

  private view(stream: string, aggregate: FoldedAggregate, history: HostHistory): AggregateView {
    const { kind, id } = parseStream(stream);
    const { version, changedAt, state } = aggregate;
    const shown = { ...(viewOf(state) as ViewObject), ...this.machineView(kind, id, history) };
    return { kind, id, version, changedAt, state: shown };
  }

  /** What is in one host only is looked for there. */
  private async begin(): Promise<Histories> {
    const { kind, id } = this.selection;
    const wanted: Wanted = {
      machine: this.needsMachine(),
      selects: (one, name) => this.selects(one, name),
    };
    const isOne = kind !== undefined && id !== undefined;
    const host = isOne ? await hostOfAggregate(this.history.ledger, `${kind}/${id}`) : undefined;
    return new Histories(this.history, { wanted, ...(host !== undefined && { host }) });
  }

  private selects(kind: AggregateKind, id: string): boolean {
    const { kind: wanted, id: only } = this.selection;
    return (wanted ?? kind) === kind && (only ?? id) === id;
  }

  /** Only a device's view shows something of the hardware: the STE in force. */
  private needsMachine(): boolean {
    return (this.selection.kind ?? 'device') === 'device';
  }

  private machineView(kind: AggregateKind, id: string, history: HostHistory): ViewObject {
    if (kind !== 'device') return {};
    const host = history.hostMachine;
    if (host === undefined) throw new Error(`no event has registered host ${history.host}`);
    const { words, fields } = steView(host.physicalSte(id));
    return { ste: { words, fields } };
  }
}
