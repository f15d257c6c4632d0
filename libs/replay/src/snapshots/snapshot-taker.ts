import type { Ledger, SnapshotStore, StoredCommit } from '@steward/ledger';
import { EVERYTHING, HostHistory, historyVersion } from './host-history';
import { Snapshots } from './snapshots';

/** When a host's next snapshot is due. */
export interface SnapshotPace {
  /** At the earliest after so many of its events. */
  readonly events: number;
  /** And after one event for so many stored bytes of its last one, so that snapshots stay small beside the log. */
  readonly bytesPerEvent: number;
}

/** A thousand events fold in some 50 ms. A log has about 500 bytes an event, so its snapshots take at most half as much. */
export const SNAPSHOT_PACE: SnapshotPace = { events: 1024, bytesPerEvent: 256 };

interface Followed {
  readonly history: HostHistory;
  /** Since its last snapshot. */
  events: number;
  /** How many make the next one due. */
  due: number;
}

/** Follows a ledger and keeps a snapshot of each host as often as the pace says. */
export class SnapshotTaker {
  private readonly hosts = new Map<string, Followed>();
  private position = 0;

  constructor(
    private readonly ledger: Ledger,
    private readonly store: SnapshotStore,
    private readonly pace = SNAPSHOT_PACE,
  ) {}

  /**
   * Goes on to what is the latest commit now. The first time it begins each host at its last snapshot.
   * @returns the position reached.
   */
  async advance(progress: (position: number) => void = () => undefined): Promise<number> {
    if (this.position === 0) await this.begin();
    for await (const commit of this.ledger.commits({ after: this.position })) {
      await this.follow(commit);
      this.position = commit.position;
      progress(commit.position);
    }
    return this.position;
  }

  private async begin(): Promise<void> {
    const latest = await this.ledger.latest();
    const snapshots = new Snapshots(this.store);
    this.store.keepOnly(historyVersion());
    let from = latest;
    for await (const host of this.ledger.hosts()) {
      const found = { position: latest, wanted: EVERYTHING };
      const history = (await snapshots.nearest(this.ledger, host, found)) ?? new HostHistory(host);
      this.hosts.set(host, { history, events: 0, due: this.pace.events });
      from = Math.min(from, history.position);
    }
    this.position = from;
  }

  private async follow(commit: StoredCommit): Promise<void> {
    const { host, position } = commit;
    let followed = this.hosts.get(host);
    if (followed === undefined) {
      followed = { history: new HostHistory(host), events: 0, due: this.pace.events };
      this.hosts.set(host, followed);
    }
    if (position <= followed.history.position) return;
    followed.history.apply(commit);
    followed.events += commit.events.length;
    if (followed.events < followed.due) return;
    const bytes = followed.history.encode();
    const version = historyVersion();
    const { hash: commitHash } = commit;
    const stored = await this.store.put({ host, position, commitHash, version, bytes });
    followed.events = 0;
    followed.due = Math.max(this.pace.events, stored / this.pace.bytesPerEvent);
  }
}
