import { findingView, windowView, type FindingView, type TimeOf } from '@steward/audit';
import { subtractTotals, type Finding, type StaleTotals, type StaleWindow } from '@steward/machine';
import type { LoggedHistory } from '../snapshots/snapshots';
import type { Progress } from '../time-travel/histories';
import { Coherence } from './coherence';

/** What the end of a stale history says: the totals of its commits; of windows that are open, at its end. */
export interface StaleSummary {
  readonly position: number;
  readonly totals: StaleTotals;
}

/**
 * What the coherence checker finds in commits `since` to `until`, in order; at the end the windows that are open still.
 * Windows that were opened before are told where they close.
 * @param options.from the first commit to tell of, where an interrupted telling goes on; totals are those from `since` on.
 */
export async function* staleHistory(
  history: LoggedHistory,
  options: {
    readonly since?: number;
    readonly from?: number;
    readonly until: number;
    readonly progress?: Progress;
  },
): AsyncGenerator<FindingView, StaleSummary> {
  const { since = 1, from = since, until, progress } = options;
  const coherence = new Coherence(history);
  await coherence.moveTo(Math.min(since - 1, until));
  const before = coherence.totals();
  let position = Math.min(from - 1, until);
  await coherence.moveTo(position);
  const times = new Times(history);
  for await (const { commit, findings } of coherence.findings(until, progress)) {
    position = commit.position;
    for (const finding of findings) {
      yield findingView(finding, await times.of(openedBy(finding), commit));
    }
  }
  for (const { window } of coherence.openWindows()) {
    yield windowView(window, await times.of([window], undefined));
  }
  return { position, totals: subtractTotals(coherence.totals(), before) };
}

/** The windows that a finding speaks of. */
function openedBy(finding: Finding): readonly Pick<StaleWindow, 'opened'>[] {
  switch (finding.kind) {
    case 'window':
      return [finding.window];
    case 'use':
      return [finding.use];
    case 'violation':
      return finding.violation.window === undefined ? [] : [finding.violation.window];
  }
}

/** When commits were made. A window may have been opened before the first that was folded. */
class Times {
  private readonly known = new Map<number, string>();

  constructor(private readonly history: LoggedHistory) {}

  async of(
    windows: readonly Pick<StaleWindow, 'opened'>[],
    now: { readonly position: number; readonly at: string } | undefined,
  ): Promise<TimeOf> {
    if (now !== undefined) this.known.set(now.position, now.at);
    for (const { opened } of windows) {
      if (this.known.has(opened.position)) continue;
      const commit = await this.history.ledger.commit(opened.position);
      if (commit !== undefined) this.known.set(commit.position, commit.at);
    }
    return (position) => this.known.get(position);
  }
}
