import { fuzz } from './campaign';
import { malformed } from './event-form';

test('10,000 random inputs from seed 1 end in translations and defined faults', () => {
  const { failures, reached } = fuzz(1, 10_000);
  expect(failures).toEqual([]);
  expect(Object.keys(reached).length).toBeGreaterThan(20);
});

test('a record with a RES0 bit set, or of no event, is malformed', () => {
  expect(malformed([0x0an, 0n, 0n, 0n])).toBeUndefined();
  expect(malformed([0x10an, 0n, 0n, 0n])).toContain('RES0');
  expect(malformed([0x0an, 1n, 0n, 0n])).toContain('RES0');
  expect(malformed([0x15n, 0n, 0n, 0n])).toContain('no such event');
});
