import type { Ledger } from '@steward/ledger';
import { HostHistory, type Wanted } from '../snapshots/host-history';
import type { Snapshots } from '../snapshots/snapshots';

/** How to fold histories. */
export interface HistoriesOptions {
  readonly wanted: Wanted;
  /** The only host to look at. */
  readonly host?: string;
  /** Where folding may begin; without it, at the first commit. */
  readonly snapshots?: Snapshots;
}

/** The histories of a ledger's hosts, folded as far as one has gone. */
export class Histories {
  position = 0;
  readonly hosts = new Map<string, HostHistory>();

  constructor(private readonly options: HistoriesOptions) {}

  /**
   * Goes on to `position`, never back. The first time it begins at each host's last snapshot before.
   * @param progress called with positions done.
   */
  async advance(
    ledger: Ledger,
    position: number,
    progress?: (position: number) => void,
  ): Promise<void> {
    const { snapshots } = this.options;
    const restored =
      this.position > 0 || snapshots === undefined
        ? []
        : await this.restore(ledger, snapshots, position);
    if (restored.length > 0) await this.advanceEach(ledger, position, restored, progress);
    else await this.advanceTogether(ledger, position, progress);
    this.position = position;
  }

  /** @returns all hosts there are, when at least one need not be folded from its first commit. */
  private async restore(
    ledger: Ledger,
    snapshots: Snapshots,
    position: number,
  ): Promise<readonly string[]> {
    const { host: only, wanted } = this.options;
    const names: string[] = [];
    if (only !== undefined) names.push(only);
    else for await (const host of ledger.hosts()) names.push(host);
    for (const host of names) {
      const history = await snapshots.nearest(ledger, host, { position, wanted });
      if (history !== undefined) this.hosts.set(host, history);
    }
    return this.hosts.size > 0 ? names : [];
  }

  private async advanceEach(
    ledger: Ledger,
    until: number,
    hosts: readonly string[],
    progress?: (position: number) => void,
  ): Promise<void> {
    for (const host of hosts) {
      const after = this.hosts.get(host)?.position ?? 0;
      for await (const commit of ledger.commits({ host, after, until })) {
        this.host(host).apply(commit);
        progress?.(commit.position);
      }
    }
  }

  private async advanceTogether(
    ledger: Ledger,
    until: number,
    progress?: (position: number) => void,
  ): Promise<void> {
    const { host } = this.options;
    const only = host === undefined ? {} : { host };
    for await (const commit of ledger.commits({ after: this.position, until, ...only })) {
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
