import { lastVersion } from './last-version';

it('finds the last version of a stream of any length', () => {
  for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1023, 1024, 1025]) {
    expect(lastVersion((version) => version >= 1 && version <= length)).toBe(length);
  }
});

it('asks about twice the logarithm of the length', () => {
  let asked = 0;
  lastVersion((version) => ++asked > 0 && version <= 1_000_000);
  expect(asked).toBeLessThanOrEqual(42);
});
