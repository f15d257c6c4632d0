import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SnapshotStore, SqliteLedger } from '@steward/ledger';
import { HostHistory, historyVersion, Snapshots, SnapshotTaker, States } from '@steward/replay';
import { projectRoot } from '../../conformance/project-root';
import { seeded } from '../../seeded';
import { against, type Measured, type Measurement } from '../measurement';
import { median, percentile } from '../timing';
import { LongLedger } from './long-ledger';

const EVENTS = { full: 1_000_000, quick: 30_000 } as const;
const POSITIONS = { full: 200, quick: 40 } as const;
/** Not counted: until the code is compiled. */
const WARM_UP = 5;

/** The state of everything at random positions, and reading the snapshots that it begins with. */
export async function travel(
  events: number,
  positions: number,
): Promise<{ times: number[]; reads: number[]; note: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'steward-bench-'));
  const file = join(folder, 'ledger.db');
  const migrations = join(projectRoot(), 'migrations');
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'create' });
  const store = SnapshotStore.open(file);
  try {
    await LongLedger.fill(ledger, events);
    await new SnapshotTaker(ledger, store).advance();
    const latest = await ledger.latest();
    const random = seeded(2);
    const times: number[] = [];
    const reads: number[] = [];
    for (let i = -WARM_UP; i < positions; i++) {
      const position = 1 + random(latest);
      const began = performance.now();
      await new States({ ledger, snapshots: new Snapshots(store) }).moveTo(position);
      const reached = performance.now();
      const snapshot = store.nearest('host0', { position }, historyVersion());
      if (snapshot !== undefined) HostHistory.decode('host0', snapshot.bytes);
      const read = performance.now();
      if (i < 0) continue;
      times.push(reached - began);
      reads.push(read - reached);
    }
    const taken = store.list();
    const bytes = taken.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    const peak = Math.round(process.resourceUsage().maxRSS / 1024);
    const note = `${taken.length} snapshots of ${Math.round(bytes / taken.length / 1024)} KiB; peak RSS ${peak} MiB, filling the ledger included`;
    return { times, reads, note };
  } finally {
    store.close();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How long it takes to have the state at a random position of a long ledger. */
export const TIME_TRAVEL: Measurement = {
  name: 'timetravel',
  measure: async ({ quick }): Promise<Measured> => {
    const size = quick ? 'quick' : 'full';
    const { times, reads, note } = await travel(EVENTS[size], POSITIONS[size]);
    const [p50, p99] = [median(times), percentile(times, 0.99)];
    return against(
      {
        ...{ name: 'timetravel', value: p50, unit: 'ms', better: 'lower' },
        ...{ n: times.length, p50, p99, note: `${EVENTS[size]} events, ${note}` },
      },
      { name: 'reading the snapshot alone', value: median(reads) },
    );
  },
};
