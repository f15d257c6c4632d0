import { findingView, windowView } from '@steward/audit';
import type { FindingView } from '@steward/audit';
import type { Ledger } from '@steward/ledger';
import { Machine } from '@steward/machine';
import type { StaleTotals } from '@steward/machine';
import { machineCommit } from '../machine-commit';

/** What the end of a stale history says: the totals at the position asked for. */
export interface StaleSummary {
  readonly position: number;
  readonly totals: StaleTotals;
}

/**
 * Folds the log up to a position and yields what the coherence checker finds on the way, in order; at
 * the end the windows that are open still.
 * @param options.progress called with each position done.
 */
export async function* staleHistory(
  ledger: Ledger,
  options: { readonly until: number; readonly progress?: (position: number) => void },
): AsyncGenerator<FindingView, StaleSummary> {
  const machine = new Machine();
  const times = new Map<number, string>();
  const timeOf = (position: number): string | undefined => times.get(position);
  let position = 0;
  for await (const commit of ledger.commits({ until: options.until })) {
    position = commit.position;
    times.set(position, commit.at);
    for (const finding of machine.apply(machineCommit(commit)).findings) {
      yield findingView(finding, timeOf);
    }
    options.progress?.(position);
  }
  for (const window of machine.openWindows()) yield windowView(window, timeOf);
  return { position, totals: machine.stale() };
}
