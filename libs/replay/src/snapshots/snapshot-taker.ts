import type { Ledger, SnapshotStore, StoredCommit } from '@steward/ledger';
import { HostHistory, historyVersion } from './host-history';
import { Snapshots } from './snapshots';

/** Events of a host between two of its snapshots, unless told otherwise: about 50 ms of folding. */
export const SNAPSHOT_EVERY = 4096;

interface Followed {
  readonly history: HostHistory;
  /** Since its last snapshot. */
  events: number;
}

/** Follows a ledger and keeps a snapshot of each host every so many of its events. */
export class SnapshotTaker {
  private readonly hosts = new Map<string, Followed>();
  private position = 0;

  /** @param every events of a host between two snapshots. */
  constructor(
    private readonly ledger: Ledger,
    private readonly store: SnapshotStore,
    private readonly every = SNAPSHOT_EVERY,
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
      const found = { position: latest, wanted: { machine: true, selects: () => true } };
      const history = (await snapshots.nearest(this.ledger, host, found)) ?? new HostHistory(host);
      this.hosts.set(host, { history, events: 0 });
      from = Math.min(from, history.position);
    }
    this.position = from;
  }

  private async follow(commit: StoredCommit): Promise<void> {
    const { host, position } = commit;
    let followed = this.hosts.get(host);
    if (followed === undefined) {
      followed = { history: new HostHistory(host), events: 0 };
      this.hosts.set(host, followed);
    }
    if (position <= followed.history.position) return;
    followed.history.apply(commit);
    followed.events += commit.events.length;
    if (followed.events < this.every) return;
    followed.events = 0;
    const bytes = followed.history.encode();
    const version = historyVersion();
    await this.store.put({ host, position, commitHash: commit.hash, version, bytes });
  }
}
