import type { Ledger } from '@steward/ledger';
import { Machine, type Finding } from '@steward/machine';
import { machineCommit } from '../machine-commit';
import type { Predicate } from './predicates';

/** An access has used a stale entry, at this position or before. */
export function staleUsed(ledger: Ledger): Predicate {
  return foundBy(ledger, ({ kind }) => kind === 'use');
}

/** A rule of coherence has been broken, by a host driver or a VMM, at this position or before. */
export function coherenceBroken(ledger: Ledger): Predicate {
  return foundBy(ledger, ({ kind }) => kind === 'violation');
}

/** Folds on as far as it is asked to, once; what was found stays found. */
function foundBy(ledger: Ledger, isMeant: (finding: Finding) => boolean): Predicate {
  const machine = new Machine();
  let folded = 0;
  let first = Infinity;
  return async (position) => {
    if (position > folded && first === Infinity) {
      for await (const commit of ledger.commits({ after: folded, until: position })) {
        const { findings } = machine.apply(machineCommit(commit));
        folded = commit.position;
        if (!findings.some(isMeant)) continue;
        first = folded;
        break;
      }
    }
    return first <= position;
  };
}
