import { SqliteLedger } from '@steward/ledger';
import { corrupt } from './campaign';
import { firstChanged, type StoredLog } from './stored-log';

afterEach(() => jest.restoreAllMocks());

test('of 80 random damages each that changes something stored is found at its commit', async () => {
  const { failures, endings } = await corrupt(1, 80);
  expect(failures).toEqual([]);
  // Which page a damage hits decides whether it is found in the log or the file is refused as a whole.
  const noticed = Object.keys(endings).filter((ending) => /found|refused/.test(ending));
  expect(new Set(noticed.map((ending) => ending.split(':')[0]))).toEqual(
    new Set(['flipped-bit', 'swapped-commits', 'swapped-events', 'truncated', 'zeroed-page']),
  );
});

test('a verify that finds nothing is found out', async () => {
  jest
    .spyOn(SqliteLedger.prototype, 'verify')
    .mockResolvedValue({ ok: true, commits: 80, firstBad: null });
  const { ok, failures } = await corrupt(1, 10);
  expect(ok).toBe(false);
  expect(failures[0]?.error).toContain('nothing was found');
});

test('the first change is that of the earlier commit, of a row that is gone, added or moved', () => {
  const event = (position: number): StoredLog['events'][number] => ({
    position,
    text: `event of ${position}`,
  });
  const log = (commits: number[], events: number[]): StoredLog => ({
    commits: commits.map((n) => `commit ${n}`),
    events: events.map(event),
    isCutShort: false,
  });
  const before = log([1, 2, 3], [1, 2, 3]);
  expect(firstChanged(before, before)).toBeUndefined();
  expect(firstChanged(log([1, 3, 2], [1, 2, 3]), before)).toBe(2);
  expect(firstChanged(log([1, 2, 3], [3, 2, 1]), before)).toBe(1);
  expect(firstChanged(log([1, 2, 3], [1, 2]), before)).toBe(3);
  expect(firstChanged(log([1, 2, 3, 4], [1, 2, 3]), before)).toBe(4);
});
