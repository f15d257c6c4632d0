import type { Ledger, SnapshotStore } from '@steward/ledger';
import { SnapshotError } from '@steward/machine';
import { HostHistory, historyVersion, type Wanted } from './host-history';

/** A ledger, and where folding it may begin. */
export interface LoggedHistory {
  readonly ledger: Ledger;
  readonly snapshots?: Snapshots;
}

/** Where folding may begin other than at the first commit. */
export class Snapshots {
  constructor(private readonly store: Pick<SnapshotStore, 'nearest'>) {}

  /**
   * The host's history at its last usable snapshot at or before a position and behind `after`; undefined where there is
   * none. A snapshot of another log, of other code or a damaged one is passed over.
   */
  async nearest(
    ledger: Ledger,
    host: string,
    {
      after = 0,
      position,
      wanted,
    }: { readonly after?: number; readonly position: number; readonly wanted: Wanted },
  ): Promise<HostHistory | undefined> {
    for (let before = position; before > after;) {
      const snapshot = this.store.nearest(host, { after, position: before }, historyVersion());
      if (snapshot === undefined) return undefined;
      const commit = await ledger.commit(snapshot.position);
      if (commit?.hash === snapshot.commitHash && commit.host === host) {
        const history = decoded(host, snapshot.bytes, wanted);
        if (history !== undefined) return history;
      }
      before = snapshot.position - 1;
    }
    return undefined;
  }
}

function decoded(host: string, bytes: Uint8Array, wanted: Wanted): HostHistory | undefined {
  try {
    return HostHistory.decode(host, bytes, wanted);
  } catch (error) {
    if (error instanceof SnapshotError) return undefined;
    throw error;
  }
}
