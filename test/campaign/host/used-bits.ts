import {
  CD_RULES,
  STE_RULES,
  planEntryUpdate,
  type EntryRules,
  type EntryWords,
} from '@steward/host';
import fc from 'fast-check';
import type { Campaign, CampaignReport } from '../campaign';
import { CANONICAL_CDS, CANONICAL_STES, anyCdPair, anyStePair, type EntryPair } from './entries';
import { breach } from './entry-update-law';

const SEED = 7_2024;
const RANDOM_PAIRS = 100_000;

/** What broke the law of entry updates, among all ordered pairs of canonical entries and as many random ones as asked. */
export function usedBitsLaw(
  randomPairs: number,
  progress: (done: number, total: number) => void = () => undefined,
): CampaignReport {
  const breaches: string[] = [];
  let random = 0;
  const total = 2 * randomPairs;
  const kinds = [
    { name: 'STE', rules: STE_RULES, canonical: CANONICAL_STES, any: anyStePair },
    { name: 'CD', rules: CD_RULES, canonical: CANONICAL_CDS, any: anyCdPair },
  ];
  for (const { name, rules, canonical, any } of kinds) {
    for (const pair of orderedPairs(canonical)) {
      const why = lawBreach(rules, pair);
      if (why !== undefined) breaches.push(`${name} ${why}`);
    }
    const failed = shrunk(any, rules, randomPairs, () => {
      random += 1;
      if (random % 1000 === 0) progress(random, total);
    });
    if (failed !== undefined) breaches.push(`${name} ${failed}`);
  }
  const stePairs = CANONICAL_STES.length ** 2;
  const cdPairs = CANONICAL_CDS.length ** 2;
  return { ok: breaches.length === 0, seed: SEED, stePairs, cdPairs, randomPairs, breaches };
}

/** The smallest random pair that breaks the law, in words. */
function shrunk(
  any: fc.Arbitrary<EntryPair>,
  rules: EntryRules,
  numRuns: number,
  tick: () => void,
): string | undefined {
  const property = fc.property(any, (pair) => {
    tick();
    return lawBreach(rules, pair) === undefined;
  });
  const { counterexample } = fc.check(property, { numRuns, seed: SEED });
  if (counterexample === null) return undefined;
  const [pair] = counterexample;
  const hex = (entry: EntryWords): string => entry.map((word) => word.toString(16)).join(' ');
  return `${pair.map(hex).join(' → ')}: ${lawBreach(rules, pair)}`;
}

function lawBreach(rules: EntryRules, pair: EntryPair): string | undefined {
  return breach(planEntryUpdate(...pair, rules), rules, pair);
}

export function* orderedPairs(entries: readonly EntryWords[]): Generator<EntryPair> {
  for (const current of entries) for (const target of entries) yield [current, target];
}

export const USED_BITS: Campaign = {
  name: 'host.used-bits',
  about: 'STE and CD updates never show hardware an entry that is neither the old nor the new one',
  run: (progress) => usedBitsLaw(RANDOM_PAIRS, progress),
};
