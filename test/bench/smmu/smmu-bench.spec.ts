import fc from 'fast-check';
import { MEASUREMENTS } from '../measurements';
import { PagedStreams } from './paged-streams';
import { PlainHash } from './plain-hash';
import { PlainWalk } from './plain-walk';

describe('the baselines', () => {
  it('the plain hash holds what a Map holds', () => {
    const key = fc.integer({ min: 0, max: 60 }).map((n) => n * 2 ** 33 + (n % 7));
    const step = fc.tuple(fc.constantFrom('put', 'remove'), key, fc.nat());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const plain = new PlainHash(64);
        const map = new Map<number, number>();
        for (const [operation, at, value] of steps) {
          if (operation === 'put') {
            plain.put(at, value);
            map.set(at, value);
          } else expect(plain.remove(at)).toBe(map.delete(at));
        }
        for (let n = 0; n <= 60; n++) {
          const at = n * 2 ** 33 + (n % 7);
          expect(plain.get(at)).toBe(map.get(at) ?? -1);
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it.each(['s1', 's2', 'nested'] as const)(
    'the plain %s walk reaches what the SMMU does',
    (stages) => {
      const paged = new PagedStreams(stages, 2, 40, { vmid: (s) => s + 1, asid: () => 1 });
      const walk = new PlainWalk(paged.rig.memory, paged.rig.pagesUsed());
      for (let page = 0; page < 40; page++) {
        const read = paged.read(page % 2, page);
        const address = Number(read.address);
        const { stage1Root, stage2Root } = paged;
        const plain = {
          s1: () => walk.one(stage1Root, address),
          s2: () => walk.one(stage2Root, address),
          nested: () => walk.both(stage1Root, stage2Root, address),
        }[stages]();
        expect(paged.access(read)).toBe(plain);
      }
    },
  );
});

describe('the SMMU measurements', () => {
  const scopes = ['va', 'asid', 'vmid', 'ipa'];
  const names = [
    ...['s1', 's2', 'nested'].flatMap((s) => [
      `smmu.translate.${s}.hit`,
      `smmu.translate.${s}.miss`,
    ]),
    ...scopes.flatMap((s) => ['1k', '100k', '1m'].map((size) => `smmu.invalidate.${s}.${size}`)),
    'smmu.idle-stream',
  ];

  it('have the names others look for', () => {
    const ours = MEASUREMENTS.map((m) => m.name).filter((name) => name.startsWith('smmu.'));
    expect(ours).toEqual(names);
  });

  it.each(scopes)('invalidation by %s compares like with like', async (scope) => {
    const measurement = MEASUREMENTS.find((m) => m.name === `smmu.invalidate.${scope}.1k`)!;
    const measured = await measurement.measure({ quick: true });
    expect(measured.ratio).toBeCloseTo(measured.value / measured.baseline!.value);
    expect(measured.n).toBe(201 * 1024);
  });
});
