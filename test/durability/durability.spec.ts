import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkIoErrors, checkKills, checkPowerLoss, checkRefusals, recordedCalls } from './checks';

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

describe('while a thread folds the WAL into the file beside the writer', () => {
  /** Enough for the thread to fold again and again before the last commit. */
  const FOLDED = { commits: 150, foldBytes: 64 * 1024 };

  test('the file is written between two acknowledgements: the checks below meet that', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'steward-folding-'));
    try {
      const calls = await recordedCalls(folder, FOLDED);
      const lastAck = calls.findLastIndex(({ path }) => path.endsWith('.acks'));
      const folds = calls.slice(0, lastAck).filter(({ op, path }) => {
        return op === 'sync' && path.endsWith('.db');
      });
      // One is of the migrations.
      expect(folds.length).toBeGreaterThan(3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test(
    'an acknowledged commit survives kill -9',
    async () => {
      expect(await checkKills({ ...FOLDED, points: 20 })).toEqual({ points: 20, faults: [] });
    },
    10 * MINUTES,
  );

  test(
    'and loss of power; where the folded file is not synced, the harness finds losses',
    async () => {
      const options = { ...FOLDED, states: 150, seed: 1 };
      expect(await checkPowerLoss(options)).toEqual({ points: 150, faults: [] });
      const { faults } = await checkPowerLoss({
        ...options,
        believes: ({ op, path }) => !(op === 'sync' && path.endsWith('.db')),
      });
      expect(faults.length).toBeGreaterThan(10);
    },
    10 * MINUTES,
  );

  test(
    'and is given again after a disk that refuses',
    async () => {
      const { points, faults } = await checkIoErrors({ ...FOLDED, step: 211 });
      expect(faults).toEqual([]);
      expect(points).toBeGreaterThan(8);
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
