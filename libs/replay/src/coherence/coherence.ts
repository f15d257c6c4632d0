import type { StoredCommit } from '@steward/ledger';
import { addTotals, type Finding, type StaleTotals, type StaleWindow } from '@steward/machine';
import type { Wanted } from '../snapshots/host-history';
import type { LoggedHistory } from '../snapshots/snapshots';
import { Histories, type Progress } from '../time-travel/histories';

const MACHINE: Wanted = { machine: true, selects: () => false };

/** What the coherence checker says of a commit. */
export interface CommitFindings {
  readonly commit: StoredCommit;
  readonly findings: readonly Finding[];
}

/** A stale window that is open, and its host. */
export interface HostWindow {
  readonly host: string;
  readonly window: StaleWindow;
}

/** What the coherence checker says of a ledger, all hosts together: of a position, and on the way from one to another. */
export class Coherence {
  private readonly histories: Histories;

  constructor(private readonly history: LoggedHistory) {
    this.histories = new Histories(history, { wanted: MACHINE });
  }

  /** Goes to `position`, forwards or back, from the nearest snapshots. */
  async moveTo(position: number, progress?: Progress): Promise<void> {
    await this.histories.moveTo(position, progress);
  }

  /** Goes on to `until`, commit by commit, and says what is found in each. */
  async *findings(until: number, progress?: Progress): AsyncGenerator<CommitFindings, void> {
    const { position: after } = this.histories;
    for await (const commit of this.history.ledger.commits({ after, until })) {
      yield { commit, findings: this.histories.apply(commit) };
      progress?.(commit.position);
    }
  }

  /** Totals from the first commit to where it is. */
  totals(): StaleTotals {
    return addTotals(this.checkers().map(([, checker]) => checker.totals()));
  }

  /** The windows that are open where it is. */
  openWindows(): HostWindow[] {
    return this.checkers().flatMap(([host, checker]) =>
      checker.open().map((window) => ({ host, window })),
    );
  }

  private checkers() {
    return [...this.histories.hosts].flatMap(([host, { hostMachine }]) =>
      hostMachine?.coherence === undefined ? [] : [[host, hostMachine.coherence] as const],
    );
  }
}
