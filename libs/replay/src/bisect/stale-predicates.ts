import { brokenRules, type StaleTotals } from '@steward/machine';
import { Coherence } from '../coherence/coherence';
import type { LoggedHistory } from '../snapshots/snapshots';
import type { Predicate } from './predicates';

/** An access has used a stale entry, at this position or before. */
export function staleUsed(history: LoggedHistory): Predicate {
  return totalsSay(history, ({ uses }) => uses > 0);
}

/** A rule of coherence has been broken, by a host driver or a VMM, at this position or before. */
export function coherenceBroken(history: LoggedHistory): Predicate {
  return totalsSay(history, (totals) => brokenRules(totals) > 0);
}

function totalsSay(history: LoggedHistory, says: (totals: StaleTotals) => boolean): Predicate {
  const coherence = new Coherence(history);
  return async (position) => {
    await coherence.moveTo(position);
    return says(coherence.totals());
  };
}
