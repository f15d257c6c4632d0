import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLedger } from '@steward/ledger';
import type { CommitEvents, Ledger, StoredCommit } from '@steward/ledger';
import { Machine } from '@steward/machine';
import { machineCommit } from '@steward/replay';
import { projectRoot } from '../../conformance/project-root';
import { against, type Measured, type Measurement } from '../measurement';
import { median } from '../timing';

/** Rounds that count, and before them those in which the code of all sides is compiled: one takes a fraction of a second. */
const ROUNDS = { full: 9, quick: 9 } as const;
const WARM_UP = { full: 4, quick: 16 } as const;
/** The scenario's own number of guests, and how many are enough for a quick figure. */
const GUESTS = { full: [], quick: ['--guests', '1'] } as const;

/** Events a second of one pass over the whole ledger; `use` takes each commit that `read` gives. */
async function rate<Commit extends CommitEvents>(
  file: string,
  read: (ledger: Ledger) => AsyncIterable<Commit>,
  use: (commit: Commit) => void,
): Promise<number> {
  const migrations = join(projectRoot(), 'migrations');
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'read' });
  const start = performance.now();
  let events = 0;
  for await (const commit of read(ledger)) {
    use(commit);
    events += commit.events.length;
  }
  const seconds = (performance.now() - start) / 1000;
  await ledger.close();
  return events / seconds;
}

function fold(file: string, coherence: boolean): Promise<number> {
  const machine = new Machine({ coherence });
  // As a replay reads: what was asked and answered is left where it is.
  const apply = (commit: CommitEvents) => void machine.apply(machineCommit(commit));
  return rate(file, (ledger) => ledger.events(), apply);
}

function readAll(file: string, use: (commit: StoredCommit) => void): Promise<number> {
  return rate(file, (ledger) => ledger.commits(), use);
}

interface Rates {
  readonly read: number;
  readonly replay: number;
  readonly watched: number;
  readonly n: number;
}

let measured: { quick: boolean; rates: Promise<Rates> } | undefined;

/** The three rates, taken in turns over one ledger; both measurements share them. */
function ratesOf(quick: boolean): Promise<Rates> {
  if (measured?.quick !== quick) measured = { quick, rates: measureRates(quick) };
  return measured.rates;
}

async function measureRates(quick: boolean): Promise<Rates> {
  const size = quick ? 'quick' : 'full';
  const folder = mkdtempSync(join(tmpdir(), 'steward-bench-'));
  const file = join(folder, 'ledger.db');
  try {
    const scenario = join(projectRoot(), 'scenarios/linux-guests.yaml');
    const run = ['run', scenario, '--ledger', file, '--quiet', ...GUESTS[size]];
    execFileSync(join(projectRoot(), 'bin/steward'), run, { stdio: 'ignore' });
    let n = 0;
    await readAll(file, (commit) => (n += commit.events.length));
    const [read, replay, watched]: [number[], number[], number[]] = [[], [], []];
    for (let round = -WARM_UP[size]; round < ROUNDS[size]; round++) {
      const rates = [
        await readAll(file, () => undefined),
        await fold(file, false),
        await fold(file, true),
      ] as const;
      if (round < 0) continue;
      read.push(rates[0]);
      replay.push(rates[1]);
      watched.push(rates[2]);
    }
    return { read: median(read), replay: median(replay), watched: median(watched), n };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Events folded, reading included, over the ledger of the demo scenario. */
export const MACHINE_REPLAY: readonly Measurement[] = [
  {
    name: 'machine.replay',
    measure: async ({ quick }): Promise<Measured> => {
      const { replay, read, n } = await ratesOf(quick);
      return against(
        { name: 'machine.replay', value: replay, unit: 'events/s', better: 'higher', n },
        { name: 'ledger.read of the same ledger', value: read },
      );
    },
  },
  {
    name: 'machine.replay.coherence',
    measure: async ({ quick }): Promise<Measured> => {
      const { replay, watched, n } = await ratesOf(quick);
      return against(
        {
          ...{ name: 'machine.replay.coherence', value: watched, unit: 'events/s' },
          ...{ better: 'higher', n, note: 'with the coherence checker on' },
        },
        { name: 'machine.replay, checker off', value: replay },
      );
    },
  },
];
