import {
  bisect,
  coherenceBroken,
  HostHistory,
  historyVersion,
  States,
  steFieldEquals,
  translationIs,
  type Predicate,
} from '@steward/replay';
import { seeded } from '../../seeded';
import { against, type Measured, type Measurement } from '../measurement';
import { median, percentile } from '../timing';
import { longHistory, type LongHistory } from './long-history';

const EVENTS = { full: 1_000_000, quick: 15_000 } as const;
const POSITIONS = { full: 200, quick: 40 } as const;
const QUESTIONS = { full: 200, quick: 40 } as const;
/** Not counted: until the code is compiled. */
const WARM_UP = 5;
const DEVICES = Array.from({ length: 8 }, (_, guest) => `g${guest}.0010`);
const PAGE = 0x4000_0000n;

const sizeOf = (quick: boolean): 'quick' | 'full' => (quick ? 'quick' : 'full');

/** Milliseconds to the state of everything at random positions, and to the snapshots alone that it begins with. */
async function travel(
  history: LongHistory,
  positions: number,
): Promise<{ readonly times: number[]; readonly reads: number[] }> {
  const random = seeded(2);
  const times: number[] = [];
  const reads: number[] = [];
  for (let i = -WARM_UP; i < positions; i++) {
    const position = 1 + random(history.latest);
    const began = performance.now();
    await new States(history).moveTo(position);
    const reached = performance.now();
    const snapshot = history.store.nearest('host0', { position }, historyVersion());
    if (snapshot !== undefined) HostHistory.decode('host0', snapshot.bytes);
    const read = performance.now();
    if (i < 0) continue;
    times.push(reached - began);
    reads.push(read - reached);
  }
  return { times, reads };
}

/** Milliseconds of a search whose answer lies anywhere; every probe asks the predicate. */
async function search(history: LongHistory, holds: Predicate, first: number): Promise<number> {
  const began = performance.now();
  const probe = async (position: number) => {
    await holds(position);
    return position >= first ? 'bad' : 'good';
  };
  const { probes } = await bisect({ good: 0, bad: history.latest }, probe);
  if (probes.length < 2) throw new Error('nothing was asked');
  return performance.now() - began;
}

/** One search for each kind of state that predicates look at. */
async function searches(history: LongHistory): Promise<number[]> {
  const random = seeded(3);
  const [device = ''] = DEVICES;
  const predicates = [
    steFieldEquals(history, device, { field: 'Config', value: 'ABORT' }),
    translationIs(history, device, { iova: PAGE, to: undefined }),
    coherenceBroken(history),
  ];
  const times: number[] = [];
  for (const holds of predicates) {
    times.push(await search(history, holds, 1 + random(history.latest)));
  }
  return times;
}

/** Milliseconds to who had a device at a random position. */
function attachments({ readModels, latest }: LongHistory, questions: number): number[] {
  const random = seeded(4);
  return Array.from({ length: questions }, () => {
    const device = DEVICES[random(DEVICES.length)] ?? '';
    const began = performance.now();
    readModels.attachments.find({ device, at: 1 + random(latest) });
    return performance.now() - began;
  });
}

function figures(
  times: readonly number[],
): Pick<Measured, 'value' | 'unit' | 'better' | 'n' | 'p50' | 'p99'> {
  const [p50, p99] = [median(times), percentile(times, 0.99)];
  return { value: p50, unit: 'ms', better: 'lower', n: times.length, p50, p99 };
}

/** Questions to a long ledger: the state at a random position, a search, who had a device. */
export const TIME_TRAVEL: readonly Measurement[] = [
  {
    name: 'timetravel',
    measure: async ({ quick }): Promise<Measured> => {
      const events = EVENTS[sizeOf(quick)];
      const history = await longHistory(events);
      const { times, reads } = await travel(history, POSITIONS[sizeOf(quick)]);
      const taken = history.store.list();
      const bytes = taken.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
      const peak = Math.round(process.resourceUsage().maxRSS / 1024);
      const note = `${events} events, ${taken.length} snapshots of ${Math.round(bytes / taken.length / 1024)} KiB; peak RSS ${peak} MiB, filling the ledger included`;
      const baseline = { name: 'reading the snapshot alone', value: median(reads) };
      return against({ name: 'timetravel', ...figures(times), note }, baseline);
    },
  },
  {
    name: 'timetravel.bisect',
    measure: async ({ quick }): Promise<Measured> => {
      const events = EVENTS[sizeOf(quick)];
      const times = await searches(await longHistory(events));
      const note = `${events} events; an STE field, a translation, coherence; limit 15 s`;
      return { name: 'timetravel.bisect', ...figures(times), note };
    },
  },
  {
    name: 'timetravel.attachments',
    measure: async ({ quick }): Promise<Measured> => {
      const events = EVENTS[sizeOf(quick)];
      const times = attachments(await longHistory(events), QUESTIONS[sizeOf(quick)]);
      const note = `${events} events; who had a device at a position; limit 100 ms`;
      return { name: 'timetravel.attachments', ...figures(times), note };
    },
  },
];
