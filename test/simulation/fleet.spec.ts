import { Fleet } from './fleet';

describe('a random fleet', () => {
  it.each([1, 2, 3])('breaks no invariant: seed %d', (seed) => {
    const fleet = new Fleet(seed);
    fleet.setUp();
    while (fleet.world.position < 2500) fleet.step();
    expect(fleet.breaches).toEqual([]);
  });
});
