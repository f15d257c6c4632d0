import type { Transaction } from '@steward/smmu';
import { against, type Measured, type Measurement } from '../measurement';
import { seeded } from '../../seeded';
import { median, nanoseconds, percentile } from '../timing';
import { PAGES, PagedStreams, type Stages } from './paged-streams';
import { PlainHash } from './plain-hash';
import { PlainWalk } from './plain-walk';

const SEED = 20_260_601;
const PAGE = 4096;
/** Short, so that few rounds are interrupted by the scheduler or hold a collection of garbage. */
const HITS_A_ROUND = 4096;
/** As many streams, each with its VMID, so that no miss of a round finds what another left. */
const MISSES_A_ROUND = 64;

/** Nanoseconds per operation of the same rounds, model and baseline in turn. */
interface Rounds {
  readonly model: readonly number[];
  readonly plain: readonly number[];
}

function result(name: string, rounds: Rounds, n: number, plainName: string): Measured {
  const measured = {
    name,
    value: median(rounds.model),
    unit: 'ns',
    better: 'lower',
    n,
    p50: median(rounds.model),
    p99: percentile(rounds.model, 0.99),
  } as const;
  return against(measured, { name: plainName, value: median(rounds.plain) });
}

function pageOf(read: Transaction): number {
  return Math.floor(Number(read.address) / PAGE);
}

/**
 * Sum of what each item leads to. Both sides are measured in this loop, whose own cost is a
 * nanosecond: it keeps its sum in a register, where a closure's variable would be on the heap.
 */
function total<T>(items: ArrayLike<T>, of: (item: T) => number): number {
  let sum = 0;
  for (let n = 0; n < items.length; n++) sum += of(items[n]!);
  return sum;
}

/** Every page is in the TLB; the stream's configuration too. */
function hit(stages: Stages, quick: boolean): Measured {
  const one = { vmid: () => 1, asid: () => 1 };
  const paged = new PagedStreams(stages, 1, PAGES, one);
  const plain = new PlainHash(PAGES);
  const reads = Array.from({ length: PAGES }, (_, page) => paged.read(0, page));
  reads.forEach((read) => plain.put(pageOf(read), paged.access(read)));
  const random = seeded(SEED);
  const order = Array.from({ length: HITS_A_ROUND }, () => reads[random(PAGES)]!);
  const pages = Float64Array.from(order, pageOf);
  const access = (read: Transaction): number => paged.access(read);
  const get = (page: number): number => plain.get(page);
  const rounds = { model: [] as number[], plain: [] as number[] };
  let sum = 0;
  for (let round = 0; round < (quick ? 160 : 1600); round++) {
    const model = nanoseconds(() => (sum += total(order, access)));
    const baseline = nanoseconds(() => (sum -= total(pages, get)));
    rounds.model.push(model / HITS_A_ROUND);
    rounds.plain.push(baseline / HITS_A_ROUND);
  }
  if (sum !== 0) throw new Error('the model and the plain hash reach different addresses');
  return result(`smmu.translate.${stages}.hit`, rounds, HITS_A_ROUND * rounds.model.length, 'hash');
}

/**
 * Nothing that a transaction needs is in a TLB or a walk cache: each of a round's accesses is the
 * first of its VMID. Removing what they left is outside the measured time.
 */
function miss(stages: Stages, quick: boolean): Measured {
  const paged = new PagedStreams(stages, MISSES_A_ROUND, PAGES, {
    vmid: (s) => s + 1,
    asid: () => 1,
  });
  const walk = new PlainWalk(paged.rig.memory, paged.rig.pagesUsed());
  const { stage1Root, stage2Root } = paged;
  const plainWalk = {
    s1: (address: number) => walk.one(stage1Root, address),
    s2: (address: number) => walk.one(stage2Root, address),
    nested: (address: number) => walk.both(stage1Root, stage2Root, address),
  }[stages];
  const random = seeded(SEED);
  const rounds = { model: [] as number[], plain: [] as number[] };
  let difference = 0;
  for (let stream = 0; stream < MISSES_A_ROUND; stream++) paged.access(paged.read(stream, 0));
  for (let round = 0; round < (quick ? 300 : 3000); round++) {
    paged.forgetTranslations();
    const reads: Transaction[] = [];
    for (let n = 0; n < MISSES_A_ROUND; n++) reads.push(paged.read(n, random(PAGES)));
    const addresses = Float64Array.from(reads, (read) => Number(read.address));
    const model = nanoseconds(() => {
      for (const read of reads) difference += paged.access(read);
    });
    const baseline = nanoseconds(() => {
      for (let n = 0; n < addresses.length; n++) difference -= plainWalk(addresses[n]!);
    });
    rounds.model.push(model / MISSES_A_ROUND);
    rounds.plain.push(baseline / MISSES_A_ROUND);
  }
  if (difference !== 0) throw new Error('the model and the plain walk reach different addresses');
  const name = `smmu.translate.${stages}.miss`;
  return result(name, rounds, MISSES_A_ROUND * rounds.model.length, 'walk');
}

const STAGES: readonly Stages[] = ['s1', 's2', 'nested'];

/** `smmu.translate.{s1,s2,nested}.{hit,miss}`. */
export const TRANSLATE: readonly Measurement[] = STAGES.flatMap((stages) => [
  { name: `smmu.translate.${stages}.hit`, measure: ({ quick }) => hit(stages, quick) },
  { name: `smmu.translate.${stages}.miss`, measure: ({ quick }) => miss(stages, quick) },
]);
