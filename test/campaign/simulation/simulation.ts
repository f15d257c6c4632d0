import { DEFECTS } from '../../simulation/defects';
import { hunt, runSeed } from '../../simulation/simulation';
import type { Campaign } from '../campaign';

const STEPS = 5000;
/** So many seeds make 2,000,000 commits. */
const SEEDS = 400;
const HUNT = { seeds: 60, steps: 4000 } as const;

/** Simulated fleets: nothing is reported of clean ones, and every planted defect is found. */
export const SIMULATION: readonly Campaign[] = [
  {
    name: 'simulation.clean',
    about: 'random fleets with nothing planted: no invariant may speak',
    run: (progress, { seed = 1, cases = SEEDS }) => {
      const failures: string[] = [];
      let steps = 0;
      for (let n = 0; n < cases; n++) {
        const run = runSeed(seed + n, STEPS);
        steps += run.steps;
        const [first] = run.breaches;
        if (first !== undefined)
          failures.push(`seed ${seed + n}: ${first.by} at ${first.position}`);
        progress(n + 1, cases);
      }
      return { ok: failures.length === 0, seeds: cases, steps, failures };
    },
  },
  {
    name: 'simulation.mutants',
    about: 'every planted defect is caught, and blamed on whoever has it',
    run: (progress, { seed = 1 }) => {
      const mutants = DEFECTS.map((defect, i) => {
        progress(i + 1, DEFECTS.length);
        return hunt(defect, { from: seed, ...HUNT });
      });
      return { ok: mutants.every(({ caught, attributed }) => caught && attributed), mutants };
    },
  },
];
