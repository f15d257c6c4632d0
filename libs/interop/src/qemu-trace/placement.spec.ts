import fc from 'fast-check';
import { byInterval, place, type Sighting } from './placement';

const same = (a: string, b: string) => a === b;
const seen = (...list: [number, string][]): Sighting<string>[] =>
  list.map(([at, value]) => ({ at, value }));

describe('placing an entry', () => {
  it('puts what was seen before the last announcement that precedes it', () => {
    expect(place(seen([10, 'A']), [2, 5, 12], same)).toEqual([
      { before: 5, value: 'A', announced: true },
    ]);
  });

  it('does not place again what is seen twice between two announcements', () => {
    expect(place(seen([10, 'A'], [11, 'A']), [5], same)).toHaveLength(1);
  });

  it('places again after a further announcement, so that reused memory is written over', () => {
    expect(place(seen([10, 'A'], [20, 'A']), [5, 15], same).map((p) => p.before)).toEqual([5, 15]);
  });

  it('puts a change that nothing announced right before it is seen, and says so', () => {
    expect(place(seen([10, 'A'], [11, 'B']), [5], same)).toEqual([
      { before: 5, value: 'A', announced: true },
      { before: 11, value: 'B', announced: false },
    ]);
  });

  // A moment is either commands or something seen, never both.
  const odd = fc.nat(100).map((n) => 2 * n + 1);

  it('the latest placement at every sighting has the value that is seen there', () => {
    const history = fc.array(
      fc.record({ at: fc.nat(100).map((n) => 2 * n), value: fc.constantFrom('A', 'B', 'C') }),
    );
    fc.assert(
      fc.property(history, fc.array(odd), (unsorted, marks) => {
        const sightings = [...unsorted].sort((a, b) => a.at - b.at);
        const placements = place(
          sightings.filter((s, i) => sightings[i - 1]?.at !== s.at),
          [...marks].sort((a, b) => a - b),
          same,
        );
        for (const [i, { at, value }] of sightings.entries()) {
          if (sightings[i - 1]?.at === at) continue;
          expect(placements.findLast((p) => p.before <= at)?.value).toBe(value);
        }
        const order = placements.map((p) => p.before);
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }),
    );
  });

  it('groups what is seen between the same two announcements', () => {
    const groups = byInterval(seen([1, 'A'], [6, 'B'], [7, 'C'], [12, 'D']), [5, 10]);
    expect(groups.map((g) => g.map((s) => s.value).join(''))).toEqual(['A', 'BC', 'D']);
  });
});
