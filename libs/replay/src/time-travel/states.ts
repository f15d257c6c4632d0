import { steView } from '@steward/audit';
import { parseStream } from '@steward/domain';
import type { AggregateKind } from '@steward/domain';
import type { Ledger } from '@steward/ledger';
import type { FoldedAggregate, HostHistory, Wanted } from '../snapshots/host-history';
import type { Snapshots } from '../snapshots/snapshots';
import { Histories } from './histories';
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

/** Every state of a ledger, folded as far as one has gone: the aggregates', and the machine's where it is looked at. */
export class States {
  private histories: Histories | undefined;

  /** @param snapshots where folding may begin; without them, at the first commit. */
  constructor(
    private readonly selection: Selection = {},
    private readonly snapshots?: Snapshots,
  ) {}

  /** The position gone to last; 0 at first. */
  get position(): number {
    return this.histories?.position ?? 0;
  }

  /**
   * Goes on to `position`, never back.
   * @param progress called with each position done.
   */
  async advance(
    ledger: Ledger,
    position: number,
    progress?: (position: number) => void,
  ): Promise<void> {
    this.histories ??= await this.begin(ledger);
    await this.histories.advance(ledger, position, progress);
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
  private async begin(ledger: Ledger): Promise<Histories> {
    const { snapshots } = this;
    const wanted: Wanted = {
      machine: this.needsMachine(),
      selects: (kind, id) => this.selects(kind, id),
    };
    const host = await this.onlyHost(ledger);
    return new Histories({
      wanted,
      ...(host !== undefined && { host }),
      ...(snapshots !== undefined && { snapshots }),
    });
  }

  /** An aggregate never leaves its host: decisions do not span hosts. */
  private async onlyHost(ledger: Ledger): Promise<string | undefined> {
    const { kind, id } = this.selection;
    if (kind === undefined || id === undefined) return undefined;
    for await (const { position } of ledger.stream(`${kind}/${id}`)) {
      return (await ledger.commit(position))?.host;
    }
    return undefined;
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
