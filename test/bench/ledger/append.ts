import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import Database from 'better-sqlite3';
import { SqliteLedger } from '@steward/ledger';
import type { CommitDraft } from '@steward/ledger';
import { projectRoot } from '../../conformance/project-root';
import { against, type Measured, type Measurement } from '../measurement';
import { median } from '../timing';

const EVENTS = 3;
/** Bytes of each payload, as JSON. */
const PAYLOAD = 300;
const ROUNDS = 3;
const SPELL = {
  full: { warmUp: 2000, counted: 1500 },
  quick: { warmUp: 500, counted: 300 },
} as const satisfies Record<string, Spell>;

interface Rate {
  readonly commits: number;
  readonly perSecond: number;
  /** Commits that shared a transaction, on average. */
  readonly batch: number;
  /** Delays of the event loop in milliseconds, while commits were appended. */
  readonly loopP99: number;
}

const text = (n: number): string => JSON.stringify({ n, text: 'x'.repeat(PAYLOAD - 24) });

function draft(n: number): CommitDraft {
  const event = (i: number): CommitDraft['events'][number] => ({
    stream: `counter/${n % 97}-${i}`,
    type: 'Counted',
    schema: 1,
    payload: { n, text: 'x'.repeat(PAYLOAD - 24) },
  });
  return {
    host: 'host',
    at: '2026-01-31T12:00:00.000Z',
    actor: 'bench',
    commandId: `c${n}`,
    command: { type: 'Count', n },
    outcome: { ok: true },
    reads: [],
    events: Array.from({ length: EVENTS }, (_, i) => event(i)),
  };
}

/** How long a measurement takes, in milliseconds. */
interface Spell {
  /** Before anything is counted: code is compiled and pages are warm, as in a server that runs. */
  readonly warmUp: number;
  readonly counted: number;
}

/** So many appenders, each with one commit under way, for some time. */
async function appendRate(file: string, concurrency: number, spell: Spell): Promise<Rate> {
  const migrations = join(projectRoot(), 'migrations');
  let transactions = 0;
  const onTransaction = (): void => void transactions++;
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'create', onTransaction });
  let next = 0;
  const during = async (ms: number): Promise<void> => {
    const until = performance.now() + ms;
    const appender = async (): Promise<void> => {
      while (performance.now() < until) await ledger.append(draft(next++));
    };
    await Promise.all(Array.from({ length: concurrency }, appender));
  };
  await during(spell.warmUp);
  const first = next;
  const before = transactions;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await during(spell.counted);
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  await ledger.close();
  const commits = next - first;
  return {
    commits,
    perSecond: commits / seconds,
    batch: commits / (transactions - before),
    // The histogram counts the timer's own period of 1 ms.
    loopP99: Math.max(0, delay.percentile(99) / 1e6 - 1),
  };
}

/** The same payloads as rows under an integer key, one transaction a batch, nothing else. */
function rawRate(file: string, batch: number, spell: Spell): number {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, payload TEXT NOT NULL)');
  const insert = db.prepare('INSERT INTO rows (payload) VALUES (?)');
  let n = 0;
  const write = db.transaction(() => {
    for (let i = 0; i < batch; i++, n++) {
      const payload = text(n);
      for (let k = 0; k < EVENTS; k++) insert.run(payload);
    }
  });
  const during = (ms: number): number => {
    const start = performance.now();
    while (performance.now() - start < ms) write();
    return (performance.now() - start) / 1000;
  };
  during(spell.warmUp);
  const first = n;
  const seconds = during(spell.counted);
  db.close();
  return (n - first) / seconds;
}

/** Rounds of both, turn by turn, each over a new file in the same folder. */
async function compare(
  concurrency: number,
  quick: boolean,
): Promise<{ readonly mine: readonly Rate[]; readonly raw: readonly number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'steward-bench-'));
  const spell = quick ? SPELL.quick : SPELL.full;
  const [mine, raw]: [Rate[], number[]] = [[], []];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const rate = await appendRate(join(folder, `ledger-${round}.db`), concurrency, spell);
      mine.push(rate);
      raw.push(
        rawRate(join(folder, `raw-${round}.db`), Math.max(1, Math.round(rate.batch)), spell),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { mine, raw };
}

function append(concurrency: number): Measurement {
  const name = `ledger.append.c${concurrency}`;
  return {
    name,
    measure: async ({ quick }): Promise<Measured> => {
      const { mine, raw } = await compare(concurrency, quick);
      const batch = median(mine.map((rate) => rate.batch));
      return against(
        {
          name,
          value: median(mine.map((rate) => rate.perSecond)),
          unit: 'commits/s',
          better: 'higher',
          n: mine.reduce((sum, rate) => sum + rate.commits, 0),
          note: `${batch.toFixed(1)} commits a transaction; event loop delayed p99 ${median(mine.map((r) => r.loopP99)).toFixed(1)} ms`,
        },
        { name: 'raw better-sqlite3', value: median(raw) },
      );
    },
  };
}

export const LEDGER_APPEND: readonly Measurement[] = [1, 64, 512].map(append);
