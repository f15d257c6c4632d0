import type { Campaign, CampaignReport } from '../campaign/campaign';
import { compareCase, type Disagreement, type Histogram } from './comparison';

const SHOWN = 10;

/** Compares `cases` cases from `seed` on. */
export function compareCases(
  seed: number,
  cases: number,
  progress: (done: number, total: number) => void = () => undefined,
): CampaignReport & { disagreements: Disagreement[]; reached: Record<string, number> } {
  const reached: Histogram = new Map();
  const disagreements: Disagreement[] = [];
  for (let n = 0; n < cases; n++) {
    if (n % 1000 === 0) progress(n, cases);
    const found = compareCase(seed + n, reached);
    if (found !== undefined) disagreements.push(found);
  }
  progress(cases, cases);
  const sorted = [...reached].sort(([a], [b]) => a.localeCompare(b));
  return {
    ok: disagreements.length === 0,
    seed,
    cases,
    disagreed: disagreements.length,
    disagreements: disagreements.slice(0, SHOWN),
    reached: Object.fromEntries(sorted),
  };
}

/** The fast model against the second reading; a case repeats with `--seed ITS-SEED --cases 1`. */
export const SECOND_READING: Campaign = {
  name: 'smmu.second-reading',
  about: 'the fast SMMU model against a second, naive reading of the architecture',
  run: (progress, { seed = 1, cases = 200_000 }) => compareCases(seed, cases, progress),
};
