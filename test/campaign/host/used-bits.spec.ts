import { STE_RULES, planEntryUpdate, type EntryRules } from '@steward/host';
import { STE } from '@steward/smmu';
import { CANONICAL_STES } from './entries';
import { breach } from './entry-update-law';
import { orderedPairs, usedBitsLaw } from './used-bits';

describe('the law of entry updates', () => {
  it('holds at every sync and between, for all pairs of canonical entries and many others', () => {
    expect(new Set(CANONICAL_STES.map(String)).size).toBeGreaterThanOrEqual(40);
    expect(usedBitsLaw(3000)).toMatchObject({ ok: true, breaches: [] });
  });

  it.each(['S2VMID', 'S1ContextPtr', 'S2TTB', 'Config'] as const)(
    'is broken by an update that takes %s for a bit of no consequence',
    (field) => {
      const careless: EntryRules = { ...STE_RULES, safeBits: () => [...STE.mask(field)] };
      const broken = [...orderedPairs(CANONICAL_STES)].filter(
        (pair) => breach(planEntryUpdate(...pair, careless), STE_RULES, pair) !== undefined,
      );
      expect(broken.length).toBeGreaterThan(0);
    },
  );
});
