import fc from 'fast-check';
import { align } from './alignment';

const SEED = 20260131;
const sequence = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 24 });

describe('align', () => {
  it('puts what is equal together and keeps the rest in order', () => {
    expect(align(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toEqual([
      ...[
        [0, 0],
        [1, null],
        [null, 1],
        [2, 2],
        [null, 3],
      ],
    ]);
  });

  it('of equal sequences pairs all', () => {
    fc.assert(
      fc.property(sequence, (a) => {
        expect(align(a, [...a])).toEqual(a.map((_, i) => [i, i]));
      }),
      { seed: SEED },
    );
  });

  it('names every place of both sequences once and in order, and pairs only equals', () => {
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const pairs = align(a, b);
        const places = (side: 0 | 1) => pairs.map((pair) => pair[side]).filter((i) => i !== null);
        expect(places(0)).toEqual(a.map((_, i) => i));
        expect(places(1)).toEqual(b.map((_, i) => i));
        for (const [i, j] of pairs) if (i !== null && j !== null) expect(a[i]).toBe(b[j]);
      }),
      { seed: SEED },
    );
  });

  it('finds no fewer equals than any subsequence of both has', () => {
    fc.assert(
      fc.property(sequence, fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), (a, kept) => {
        const b = a.filter((_, i) => kept[i]);
        expect(align(a, b).filter(([i, j]) => i !== null && j !== null)).toHaveLength(b.length);
      }),
      { seed: SEED },
    );
  });

  it('takes what is too long to compare as replaced, between equal ends', () => {
    const long = (name: string): string[] => Array.from({ length: 2100 }, (_, i) => `${name}${i}`);
    const pairs = align(['head', ...long('a'), 'tail'], ['head', ...long('b'), 'tail']);
    expect(pairs).toHaveLength(2 + 2 * 2100);
    expect([pairs[0], pairs.at(-1)]).toEqual([
      [0, 0],
      [2101, 2101],
    ]);
  });
});
