import { checkMutants, unexpected } from './check';
import { ROOMS } from './rooms';
import { mutatedSource, StaleMutantError } from './workshop';

const SMMU = ROOMS['smmu'] ?? [];

test('every mutant inverts text that stands once in its file, and has an id of its own', () => {
  expect(SMMU.length).toBeGreaterThanOrEqual(60);
  expect(new Set(SMMU.map(({ id }) => id)).size).toBe(SMMU.length);
  for (const mutant of SMMU) expect(mutatedSource('smmu', mutant)).toContain(mutant.after);
});

test('a mutant whose text is gone is an error, not a pass', () => {
  const stale = { ...SMMU[0]!, before: 'no such text' };
  expect(() => mutatedSource('smmu', stale)).toThrow(StaleMutantError);
});

test('of each group the first is killed, and a change of nothing survives', async () => {
  const groups = ['configuration', 'translation', 'commands'];
  const chosen = groups.map((group) => SMMU.find(({ id }) => id === `${group}-01`)!);
  const verdicts = await checkMutants('smmu', chosen, { workers: 2 });
  expect(verdicts.map(({ killed }) => killed)).toEqual([true, true, true]);
  expect(unexpected(verdicts)).toEqual([]);
  expect(unexpected([{ ...verdicts[0]!, killed: false }])).toHaveLength(1);
  expect(unexpected([{ ...verdicts[0]!, survives: 'it is said to' }])).toHaveLength(1);
}, 120_000);
