import type { Mutant } from './mutant';
import { Workshop } from './workshop';

/** What became of one mutant. */
export interface Verdict {
  readonly id: string;
  readonly file: string;
  readonly rule: string;
  readonly killed: boolean;
  /** What killed it: a vector, a seed of the second reading, a spec. */
  readonly by?: string;
  /** Why it may survive. */
  readonly survives?: string;
}

/** Checks mutants of a room, several at a time, in workshops of their own. */
export async function checkMutants(
  room: string,
  mutants: readonly Mutant[],
  options: { readonly workers: number; readonly onVerdict?: (verdict: Verdict) => void },
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    const workshop = new Workshop(room);
    try {
      for (let i = next++; i < mutants.length; i = next++) {
        const verdict = verdictOf(mutants[i]!, await workshop.check(mutants[i]!));
        verdicts[i] = verdict;
        options.onVerdict?.(verdict);
      }
    } finally {
      workshop.close();
    }
  };
  await Promise.all(Array.from({ length: options.workers }, worker));
  return verdicts;
}

function verdictOf({ id, file, rule, survives }: Mutant, by: string | undefined): Verdict {
  return {
    ...{ id, file, rule, killed: by !== undefined },
    ...(by !== undefined && { by }),
    ...(survives !== undefined && { survives }),
  };
}

/** Verdicts that are not as declared: a survivor without a reason, or one killed that was said to survive. */
export function unexpected(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter(({ killed, survives }) => killed === (survives !== undefined));
}
