import fc from 'fast-check';
import { seededRandom, shuffled } from './random';

describe('seededRandom', () => {
  it('is the same stream for the same seed, and another for another', () => {
    const stream = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random(1000));
    };
    expect(stream(7)).toEqual(stream(7));
    expect(stream(8)).not.toEqual(stream(7));
  });

  it('stays within [0, n) and is whole', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 31 }), (seed, n) => {
        const value = seededRandom(seed)(n);
        expect(Number.isInteger(value) && value >= 0 && value < n).toBe(true);
      }),
    );
  });
});

describe('shuffled', () => {
  it('keeps every item, leaves its input alone, and repeats for a seed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        const before = [...items];
        const out = shuffled(items, seededRandom(seed));
        expect(items).toEqual(before);
        expect([...out].sort()).toEqual([...items].sort());
        expect(shuffled(items, seededRandom(seed))).toEqual(out);
      }),
    );
  });
});
