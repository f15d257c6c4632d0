import type { Defect } from './defects';
import { Fleet, type Breach, type FleetOptions } from './fleet';

/** What became of one defect. */
export interface Caught {
  readonly mutant: string;
  readonly caught: boolean;
  /** The invariant that noticed first; null: none. */
  readonly by: string | null;
  readonly position: number | null;
  /** The right party is blamed, for a commit in which the defect acted. */
  readonly attributed: boolean;
  readonly seed: number | null;
}

/** Commits of one seed: a step is a commit, and every invariant is checked at each. */
export interface SeedRun {
  readonly steps: number;
  readonly breaches: readonly Breach[];
}

/** Plays one seed until so many commits are applied or an invariant is broken. */
export function runSeed(
  seed: number,
  steps: number,
  options: FleetOptions = {},
): SeedRun & { fleet: Fleet } {
  const fleet = new Fleet(seed, options);
  fleet.setUp();
  while (fleet.world.position < steps && fleet.breaches.length === 0) fleet.step();
  return { steps: fleet.world.position, breaches: fleet.breaches, fleet };
}

/** Plants a defect in seed after seed, until an invariant notices it. */
export function hunt(
  defect: Defect,
  { from, seeds, steps }: { readonly from: number; readonly seeds: number; readonly steps: number },
): Caught {
  for (let seed = from; seed < from + seeds; seed++) {
    const { fleet } = runSeed(seed, steps, { defect });
    const breach = firstOf(fleet.breaches);
    if (breach === undefined) continue;
    const { position, by } = breach;
    const attributed = isAttributed(defect, breach, fleet);
    return { mutant: defect.name, caught: true, by, position, attributed, seed };
  }
  return {
    ...{ mutant: defect.name, caught: false, by: null, position: null },
    ...{ attributed: false, seed: null },
  };
}

/** Of what one commit broke, what says most: rules before their consequences. */
function firstOf(breaches: readonly Breach[]): Breach | undefined {
  return breaches.find(({ culprit }) => culprit !== undefined) ?? breaches[0];
}

function isAttributed(defect: Defect, { culprit, since }: Breach, fleet: Fleet): boolean {
  if (culprit !== defect.owner) return false;
  return fleet.planted === undefined || (since !== undefined && fleet.planted.acted.has(since));
}
