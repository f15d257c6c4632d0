import type { Mutant } from './mutant';
import { CACHES } from './smmu/caches';
import { COMMANDS } from './smmu/commands';
import { CONFIGURATION } from './smmu/configuration';
import { TRANSLATION } from './smmu/translation';

/** The rooms that have mutants, by name. */
export const ROOMS: Readonly<Record<string, readonly Mutant[]>> = {
  smmu: [...CONFIGURATION, ...TRANSLATION, ...COMMANDS, ...CACHES],
};
