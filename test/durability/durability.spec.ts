import { checkIoErrors, checkKills, checkPowerLoss, checkRefusals } from './checks';

// Only what hangs fails: a machine shared with others may be slow.
const MINUTES = 60_000;

describe('an acknowledged commit', () => {
  test(
    'survives kill -9 at any system call of the append path, also half-way through a write',
    async () => {
      expect(await checkKills({ commits: 12, points: 200 })).toEqual({ points: 200, faults: [] });
    },
    10 * MINUTES,
  );

  test(
    'survives loss of power: unsynced writes lost, torn or reordered',
    async () => {
      const report = await checkPowerLoss({ commits: 12, states: 5000, seed: 1 });
      expect(report).toEqual({ points: 5000, faults: [] });
    },
    10 * MINUTES,
  );

  test(
    'does not survive it where the WAL is not synced (synchronous=NORMAL): the harness finds that',
    async () => {
      const report = await checkPowerLoss({
        ...{ commits: 24, states: 300, seed: 1 },
        believes: ({ op, path }) => !(op === 'sync' && path.endsWith('-wal')),
      });
      expect(report.faults.length).toBeGreaterThan(10);
      expect(report.faults[0]?.fault).toMatch(
        /was acknowledged and is gone|does not open|commit \d+/,
      );
    },
    10 * MINUTES,
  );

  test(
    'is not given while the disk refuses, and given once it takes writes again',
    async () => {
      const report = await checkIoErrors({ commits: 6, step: 4 });
      expect(report.faults).toEqual([]);
      expect(report.points).toBeGreaterThan(20);
    },
    10 * MINUTES,
  );
});

test(
  'a refused commit does not come back with the next start, though it may stand in the WAL whole',
  async () => {
    const report = await checkRefusals({ commits: 6, step: 2 });
    expect(report.faults).toEqual([]);
    expect(report.points).toBeGreaterThan(40);
  },
  10 * MINUTES,
);
