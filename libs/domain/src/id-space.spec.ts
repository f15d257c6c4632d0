import fc from 'fast-check';
import { giveBack, isTaken, lowestFree, take, type IdSpace } from './id-space';

describe('an id space', () => {
  it('gives the lowest free number, and none when all are taken', () => {
    const ids = [1, 2, 4].reduce(take, [] as IdSpace);
    expect(lowestFree(ids, 1, 9)).toBe(3);
    expect(lowestFree(take(ids, 3), 1, 9)).toBe(5);
    expect(lowestFree(take(ids, 3), 1, 4)).toBeUndefined();
  });

  it('agrees with a set, and never keeps ranges that touch', () => {
    const step = fc.record({ id: fc.integer({ min: 1, max: 12 }), taken: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = new Set<number>();
        let ids: IdSpace = [];
        for (const { id, taken } of steps) {
          if (taken === set.has(id)) continue;
          if (taken) set.add(id);
          else set.delete(id);
          ids = taken ? take(ids, id) : giveBack(ids, id);
        }
        for (let id = 0; id <= 13; id++) expect(isTaken(ids, id)).toBe(set.has(id));
        ids.slice(1).forEach((range, i) => expect(range.first).toBeGreaterThan(ids[i]!.last + 1));
      }),
      { seed: 1 },
    );
  });
});
