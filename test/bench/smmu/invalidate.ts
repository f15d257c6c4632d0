import { against, type Measured, type Measurement } from '../measurement';
import { seeded } from '../../seeded';
import { median, nanoseconds, shuffled } from '../timing';
import { INPUT, PAGES, PagedStreams } from './paged-streams';
import { PlainHash } from './plain-hash';

const SEED = 20_260_602;
const PAGE = 4096;
/** Keys of the plain hash: a tag above 36 bits of page number. */
const TAG = 2 ** 36;

/**
 * What one command removes: 1,024 pages. By address the units are ranges of one space; by tag each
 * unit is a space.
 */
interface Scope {
  readonly name: 'va' | 'asid' | 'vmid' | 'ipa';
  fill(units: number): PagedStreams;
  command(paged: PagedStreams, unit: number): void;
}

const range = (unit: number): Readonly<Record<string, bigint>> => ({
  Address: BigInt(INPUT + unit * PAGES * PAGE),
  TG: 1n,
  NUM: 31n,
  SCALE: 5n,
  Leaf: 1n,
});
const one = (): number => 1;
const own = (stream: number): number => stream + 1;

const SCOPES: readonly Scope[] = [
  {
    name: 'va',
    fill: (units) => new PagedStreams('s1', 1, units * PAGES, { vmid: one, asid: one }),
    command: ({ rig }, unit) => rig.enqueue('TLBI_NH_VA', { VMID: 1n, ASID: 1n, ...range(unit) }),
  },
  {
    name: 'asid',
    fill: (units) => new PagedStreams('s1', units, PAGES, { vmid: one, asid: own }),
    command: ({ rig }, unit) => rig.enqueue('TLBI_NH_ASID', { VMID: 1n, ASID: BigInt(own(unit)) }),
  },
  {
    name: 'vmid',
    fill: (units) => new PagedStreams('s1', units, PAGES, { vmid: own, asid: one }),
    command: ({ rig }, unit) => rig.enqueue('TLBI_S12_VMALL', { VMID: BigInt(own(unit)) }),
  },
  {
    name: 'ipa',
    fill: (units) => new PagedStreams('s2', 1, units * PAGES, { vmid: one, asid: one }),
    command: ({ rig }, unit) => rig.enqueue('TLBI_S2_IPA', { VMID: 1n, ...range(unit) }),
  },
];

/** The cached entries in the order in which they were made: one page after the other. */
function forEachEntry(paged: PagedStreams, visit: (stream: number, page: number) => void): void {
  for (let stream = 0; stream < paged.streams; stream++) {
    for (let page = 0; page < paged.pages; page++) visit(stream, page);
  }
}

/** Fills both caches, then empties them unit by unit in random order; nanoseconds of the emptying. */
function emptied(scope: Scope, paged: PagedStreams, units: readonly number[]): [number, number] {
  const { rig } = paged;
  const entries = units.length * PAGES;
  const plain = new PlainHash(entries);
  forEachEntry(paged, (stream, page) => {
    plain.put(stream * TAG + page, paged.access(paged.read(stream, page)));
  });
  if (cached(paged) !== entries) throw new Error(`${cached(paged)} cached, not ${entries}`);
  for (const unit of units) scope.command(paged, unit);
  const model = nanoseconds(() => rig.run());
  if (cached(paged) !== 0) throw new Error(`${cached(paged)} entries are left`);
  let removed = 0;
  const byTag = paged.streams > 1;
  const baseline = nanoseconds(() => {
    for (const unit of units) {
      const first = byTag ? unit * TAG : unit * PAGES;
      for (let n = 0; n < PAGES; n++) if (plain.remove(first + n)) removed++;
    }
  });
  if (removed !== entries) throw new Error(`the plain hash removed ${removed}`);
  return [model / entries, baseline / entries];
}

function cached(paged: PagedStreams): number {
  const { stage1, stage2, nested } = paged.rig.smmu.cachedEntries();
  return stage1 + stage2 + nested;
}

function invalidate(scope: Scope, name: string, units: number, rounds: number): Measured {
  const paged = scope.fill(units);
  const random = seeded(SEED);
  const model: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [ours, theirs] = emptied(scope, paged, shuffled(units, random));
    model.push(ours);
    plain.push(theirs);
  }
  const measured = {
    name,
    value: median(model),
    unit: 'ns',
    better: 'lower',
    n: rounds * units * PAGES,
    note: `per removed entry, ${PAGES} a command`,
  } as const;
  return against(measured, { name: 'hash', value: median(plain) });
}

const SIZES = [
  // So short that most of the first rounds run code that is not optimised yet.
  { size: '1k', units: 1, rounds: 1001, quick: 201 },
  { size: '100k', units: 98, rounds: 15, quick: 3 },
  { size: '1m', units: 977, rounds: 5, quick: 1 },
] as const;

/** `smmu.invalidate.{va,asid,vmid,ipa}.{1k,100k,1m}`. */
export const INVALIDATE: readonly Measurement[] = SCOPES.flatMap((scope) =>
  SIZES.map(({ size, units, rounds, quick }) => {
    const name = `smmu.invalidate.${scope.name}.${size}`;
    return {
      name,
      measure: (options) => invalidate(scope, name, units, options.quick ? quick : rounds),
    };
  }),
);
