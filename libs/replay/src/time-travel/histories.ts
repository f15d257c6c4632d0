import type { CommitEvents, Ledger } from '@steward/ledger';
import type { Finding } from '@steward/machine';
import { HostHistory, type Wanted } from '../snapshots/host-history';
import type { LoggedHistory } from '../snapshots/snapshots';

/** How to fold histories. */
export interface HistoriesOptions {
  readonly wanted: Wanted;
  /** The only host to look at. */
  readonly host?: string;
}

/** Told of positions done. */
export type Progress = (position: number) => void;

/** The histories of a ledger's hosts at a position. */
export class Histories {
  position = 0;
  readonly hosts = new Map<string, HostHistory>();

  constructor(
    private readonly history: LoggedHistory,
    private readonly options: HistoriesOptions,
  ) {}

  /** Goes to `position`, forwards or back, from where it is or from each host's last snapshot before it, whichever is nearer. */
  async moveTo(position: number, progress?: Progress): Promise<void> {
    if (position < this.position) {
      this.hosts.clear();
      this.position = 0;
    }
    const { ledger } = this.history;
    const names = await this.names();
    const leapt = await this.leap(names, position);
    if (!leapt) await this.fold(ledger, { after: this.position, until: position }, progress);
    else if (names.length === 1) {
      // All commits are this host's, which reads faster than picking them out.
      const after = this.hosts.get(names[0] ?? '')?.position ?? 0;
      await this.fold(ledger, { after, until: position }, progress);
    } else {
      for (const host of this.wantedOf(names)) {
        const after = this.hosts.get(host)?.position ?? 0;
        await this.fold(ledger, { after, until: position, host }, progress);
      }
    }
    this.position = position;
  }

  /** Folds the next commit, whichever host's it is. @returns what the coherence checker says of it. */
  apply(commit: CommitEvents): readonly Finding[] {
    const findings = this.host(commit.host).apply(commit);
    this.position = commit.position;
    return findings;
  }

  private async names(): Promise<readonly string[]> {
    if (this.history.snapshots === undefined) return [];
    const names: string[] = [];
    for await (const host of this.history.ledger.hosts()) names.push(host);
    return names;
  }

  private wantedOf(names: readonly string[]): readonly string[] {
    const { host } = this.options;
    return host === undefined ? names : [host];
  }

  /** @returns whether a snapshot takes at least one host further than it is. */
  private async leap(names: readonly string[], position: number): Promise<boolean> {
    const { ledger, snapshots } = this.history;
    let leapt = false;
    for (const host of this.wantedOf(names)) {
      const after = this.hosts.get(host)?.position ?? 0;
      const found = { after, position, wanted: this.options.wanted };
      const history = await snapshots?.nearest(ledger, host, found);
      if (history === undefined) continue;
      this.hosts.set(host, history);
      leapt = true;
    }
    return leapt;
  }

  private async fold(
    ledger: Ledger,
    range: { readonly after: number; readonly until: number; readonly host?: string },
    progress?: Progress,
  ): Promise<void> {
    const { host } = this.options;
    for await (const commit of ledger.events({ ...(host !== undefined && { host }), ...range })) {
      this.host(commit.host).apply(commit);
      progress?.(commit.position);
    }
  }

  private host(name: string): HostHistory {
    let history = this.hosts.get(name);
    if (history === undefined) {
      history = new HostHistory(name, this.options.wanted);
      this.hosts.set(name, history);
    }
    return history;
  }
}

/** The host that an aggregate is in: it never leaves it, as decisions do not span hosts. Undefined while there is none. */
export async function hostOfAggregate(ledger: Ledger, stream: string): Promise<string | undefined> {
  for await (const { position } of ledger.stream(stream)) {
    return (await ledger.commit(position))?.host;
  }
  return undefined;
}
