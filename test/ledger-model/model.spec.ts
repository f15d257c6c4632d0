import { SqliteLedger } from '@steward/ledger';
import { compareWithModel } from './campaign';

afterEach(() => jest.restoreAllMocks());

test('1,000 random operations from seed 1 end as in the model', async () => {
  const { failures, counts } = await compareWithModel(1, 1000);
  expect(failures).toEqual([]);
  expect(Object.keys(counts)).toHaveLength(19);
});

test('a ledger that loses a commit after an interruption is found out', async () => {
  const { commit } = SqliteLedger.prototype;
  jest.spyOn(SqliteLedger.prototype, 'commit').mockImplementation(function (
    this: SqliteLedger,
    position,
  ) {
    return position % 2 === 1 ? Promise.resolve(undefined) : commit.call(this, position);
  });
  const { failures } = await compareWithModel(1, 400);
  expect(failures[0]?.error).toMatch(/commit \d*[13579]: found undefined/);
});
