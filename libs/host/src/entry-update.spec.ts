import { STE, STE_CONFIG } from '@steward/smmu';
import { CD_RULES } from './cd-composition';
import { planEntryUpdate, usedBits } from './entry-update';
import { composeSte } from './ste-composition';
import { kunit, words } from './__fixtures__/recorded';
import type { Stage2Configuration } from './ste-composition';

const stage2 = (vmid: number): Stage2Configuration => ({
  vmid,
  ttb: vmid * 0x1000,
  t0sz: 20,
  sl0: 2,
  ps: 4,
  s2fwb: false,
  stalls: false,
});

describe('the update of a stream table entry', () => {
  it.each(kunit.ste.map((recorded, i) => [`${i} ${recorded.case}`, recorded] as const))(
    'passes through the words the kernel printed: %s',
    (_, recorded) => {
      const update = planEntryUpdate(words(recorded.initial), words(recorded.target));
      expect(update.steps).toEqual(recorded.wordsAtEachSync.map(words));
      expect(update.steps).toHaveLength(recorded.expectedSyncs);
      expect(update.hitless).toBe(recorded.hitless);
    },
  );

  it.each(kunit.ste.map((recorded, i) => [`${i} ${recorded.case}`, recorded] as const))(
    'counts the bits as used that the kernel counts: %s',
    (_, recorded) => {
      expect(usedBits(words(recorded.initial))).toEqual(words(recorded.initialUsed));
      expect(usedBits(words(recorded.target))).toEqual(words(recorded.targetUsed));
    },
  );

  it.each(kunit.cd.map((recorded, i) => [`${i} ${recorded.case}`, recorded] as const))(
    'does the same for context descriptors: %s',
    (_, recorded) => {
      const update = planEntryUpdate(words(recorded.initial), words(recorded.target), CD_RULES);
      expect(update.steps).toEqual(recorded.wordsAtEachSync.map(words));
      expect(update.hitless).toBe(recorded.hitless);
    },
  );

  it('needs no step when nothing changes', () => {
    const ste = composeSte({ kind: 's2', stage2: stage2(3), ats: false });
    expect(planEntryUpdate(ste, ste)).toEqual({ steps: [], hitless: true });
  });

  it('refuses a target that sets bits hardware would not look at', () => {
    const abort = composeSte({ kind: 'abort' });
    const target = STE.encode({ V: 1n, Config: STE_CONFIG.BYPASS, S2VMID: 5n });
    expect(() => planEntryUpdate(abort, target)).toThrow(RangeError);
  });
});
