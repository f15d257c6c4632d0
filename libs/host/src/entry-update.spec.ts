import { STE, STE_CONFIG } from '@steward/smmu';
import fc from 'fast-check';
import { CD_RULES } from './cd-composition';
import { planEntryUpdate, usedBits } from './entry-update';
import { composeSte } from './ste-composition';
import { kunit, words } from './__fixtures__/recorded';
import type { Stage2Configuration } from './ste-composition';
import type { VsteWords } from './vste-rules';

const stage2 = (vmid: number): Stage2Configuration => ({
  vmid,
  ttb: vmid * 0x1000,
  t0sz: 20,
  sl0: 2,
  ps: 4,
  s2fwb: false,
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

  const pointers = fc.nat({ max: 7 }).map((n) => BigInt(n) << 12n);
  const s1Vste = fc
    .tuple(pointers, fc.nat({ max: 255 }))
    .map(([pointer, attributes]): VsteWords => [0xbn | pointer, BigInt(attributes)]);
  const target = fc.oneof(
    fc.constant({ kind: 'abort' } as const),
    fc.constant({ kind: 'bypass' } as const),
    fc.record({
      kind: fc.constant('s2' as const),
      stage2: fc.nat({ max: 3 }).map((n) => stage2(n + 1)),
      ats: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('nested' as const),
      stage2: fc.nat({ max: 3 }).map((n) => stage2(n + 1)),
      ats: fc.boolean(),
      vste: s1Vste,
    }),
  );

  it('ends at the target, and at each hitless step works like the old or the new entry', () => {
    const relaxed = STE.mask('MEV', 'EATS');
    const worksLike = (ste: readonly bigint[], model: readonly bigint[]): boolean => {
      const used = usedBits(model);
      return ste.every((word, i) => ((word ^ model[i]!) & used[i]! & ~relaxed[i]!) === 0n);
    };
    fc.assert(
      fc.property(target, target, fc.boolean(), (from, to, override) => {
        const old = composeSte(from, override);
        const wanted = composeSte(to, override);
        const update = planEntryUpdate(old, wanted);
        expect([...(update.steps.at(-1) ?? old)]).toEqual([...wanted]);
        const invalid = (ste: readonly bigint[]): boolean => STE.get(ste, 'V') === 0n;
        expect(update.steps.some(invalid)).toBe(!update.hitless);
        for (const ste of update.steps) {
          expect(invalid(ste) || worksLike(ste, old) || worksLike(ste, wanted)).toBe(true);
        }
      }),
    );
  });
});
