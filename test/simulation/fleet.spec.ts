import { Fleet } from './fleet';

describe('a random fleet', () => {
  it.each([1, 2, 3, 4])('breaks no invariant: seed %d', (seed) => {
    const fleet = new Fleet(seed);
    fleet.setUp();
    for (let n = 0; n < 2000; n++) fleet.step();
    expect(fleet.breaches).toEqual([]);
  });
});
