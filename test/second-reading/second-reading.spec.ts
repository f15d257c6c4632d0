import { compareCases } from './campaign';

test('the fast model and the second reading agree, on 3,000 cases from seed 1', () => {
  const { disagreements, reached } = compareCases(1, 3000);
  expect(disagreements).toEqual([]);
  expect(Object.keys(reached).length).toBeGreaterThan(30);
});
