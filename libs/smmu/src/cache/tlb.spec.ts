import fc from 'fast-check';
import { PAGE_BYTES } from './page-sizes';
import { STREAM_WORLD } from './stream-world';
import { entryOrigin, KIND_NESTED, KIND_STAGE1 } from './tlb-info';
import { Tlb, type LeafFilter } from './tlb';
import { TlbAddress } from './tlb-address';
import type { TlbSpace } from './tlb-space';

const TAGS = { world: STREAM_WORLD.NS_EL1, vmid: 1 };
/** 4K, 2M and 1G pages. */
const SIZES = [0, 3, 6];
const ANY = { granuleCode: 0, level: 0, leavesOnly: false };

interface Modelled {
  readonly space: number;
  readonly address: number;
  readonly half: 0 | 1;
  readonly sizeIndex: number;
  readonly leafSizeIndex: number;
  readonly pa: number;
  readonly info: number;
}

function at(half: 0 | 1, address: number): TlbAddress {
  const place = new TlbAddress();
  place.set(half, address);
  return place;
}

/** A TLB that is a list: slow, and plainly right. */
class ListTlb {
  entries: Modelled[] = [];

  insert(entry: Modelled): void {
    this.entries = this.entries.filter(
      (e) => !(sameTag(e, entry) && e.sizeIndex === entry.sizeIndex && first(e) === first(entry)),
    );
    this.entries.push(entry);
  }

  find(space: number, half: number, address: number): Modelled | undefined {
    return this.entries
      .filter(
        (e) => e.space === space && e.half === half && covers(e, e.sizeIndex, address, address),
      )
      .sort((a, b) => b.sizeIndex - a.sizeIndex)[0];
  }

  /** Removes entries whose page, or whose stage-1 leaf, intersects the range. */
  remove(space: number, half: number, from: number, to: number, filter: LeafFilter): void {
    this.entries = this.entries.filter(
      (e) =>
        e.space !== space ||
        e.half !== half ||
        !covers(e, e.leafSizeIndex, from, to) ||
        (filter.level !== 0 && filter.level !== ((e.info >>> 13) & 3)) ||
        (filter.granuleCode !== 0 && filter.granuleCode !== ((e.info >>> 15) & 3)),
    );
  }
}

function first(e: Modelled): number {
  return e.address - (e.address % PAGE_BYTES[e.sizeIndex]!);
}

function sameTag(a: Modelled, b: Modelled): boolean {
  return a.space === b.space && a.half === b.half;
}

function covers(e: Modelled, sizeIndex: number, from: number, to: number): boolean {
  const bytes = PAGE_BYTES[sizeIndex]!;
  const base = e.address - (e.address % bytes);
  return base <= to && base + bytes > from;
}

const space = fc.integer({ min: 0, max: 2 });
const half = fc.constantFrom<0 | 1>(0, 1);
const page = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 1 << 20 }),
  fc.integer({ min: 512 * 512 - 4, max: 512 * 512 + 4 }),
  fc.integer({ min: 2 ** 40 - 2 ** 18, max: 2 ** 40 - 1 }),
);
const filter = fc.constantFrom(
  ANY,
  { granuleCode: 1, level: 0, leavesOnly: true },
  { granuleCode: 1, level: 3, leavesOnly: false },
);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('insert' as const),
      space,
      half,
      page,
      size: fc.integer({ min: 0, max: 2 }),
      leaf: fc.integer({ min: 0, max: 2 }),
    }),
  },
  {
    // Enough for lists to be divided by region, at the edges of regions too.
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('run' as const),
      space,
      half,
      page,
      pages: fc.integer({ min: 50, max: 150 }),
      stride: fc.constantFrom(1, 100, 512, 1 << 17),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('address' as const), space, half, page, filter }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('range' as const),
      space,
      half,
      page,
      pages: fc.oneof(
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom(1 << 18, 1 << 27, 1 << 39),
      ),
      filter,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('all' as const), space }) },
);

describe('the TLB', () => {
  it('holds and removes what a plain list would', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.array(page), (operations, probes) => {
        const tlb = new Tlb();
        const live = new Set<TlbSpace>();
        const owner = {
          filled: (s: TlbSpace) => expect(live.has(s) || live.add(s)).toBe(live),
          emptied: (s: TlbSpace) => expect(live.delete(s)).toBe(true),
        };
        const spaces = [0, 1, 2].map(() => tlb.createSpace(TAGS, owner));
        const list = new ListTlb();
        let pa = 0;
        const insert = (
          tag: { space: number; half: 0 | 1 },
          page: number,
          sizeIndex: number,
          leafSizeIndex: number,
        ): void => {
          // The level follows from the leaf's size, as it does in hardware.
          const level = 3 - SIZES.indexOf(leafSizeIndex);
          const kind = leafSizeIndex > sizeIndex ? KIND_NESTED : KIND_STAGE1;
          pa += 2 ** 31;
          const info = entryOrigin(kind, level, 1);
          const address = page * 4096;
          const target = spaces[tag.space]!;
          tlb.replace(target, at(tag.half, address), sizeIndex);
          tlb.complete(
            tlb.insert(target, at(tag.half, address), sizeIndex, leafSizeIndex, info),
            pa,
            pa,
          );
          list.insert({ ...tag, address, sizeIndex, leafSizeIndex, pa, info });
        };
        for (const o of operations) {
          const target = spaces[o.space]!;
          if (o.op === 'all') {
            tlb.removeAll(target);
            list.entries = list.entries.filter((e) => e.space !== o.space);
          } else if (o.op === 'insert') {
            const sizeIndex = SIZES[Math.min(o.size, o.leaf)]!;
            const leafSizeIndex = SIZES[o.leaf]!;
            insert(o, o.page, sizeIndex, leafSizeIndex);
          } else if (o.op === 'run') {
            for (let n = 0; n < o.pages; n++)
              insert(o, Math.min(o.page + n * o.stride, 2 ** 40 - 1), SIZES[0]!, SIZES[0]!);
          } else {
            const from = o.page * 4096;
            if (o.op === 'address') {
              tlb.removeAddress(target, at(o.half, from), o.filter);
              list.remove(o.space, o.half, from, from, o.filter);
            } else {
              const last = from + o.pages * 4096 - 1;
              tlb.removeRange(target, { half: o.half, first: from, last }, o.filter);
              list.remove(o.space, o.half, from, last, o.filter);
            }
          }
        }
        const nested = list.entries.filter((e) => e.leafSizeIndex > e.sizeIndex).length;
        const holding = new Set(list.entries.map((e) => spaces[e.space]));
        expect(live).toEqual(holding);
        expect(tlb.counts).toEqual({
          stage1: list.entries.length - nested,
          stage2: 0,
          nested,
          tables: 0,
        });
        for (const probe of [...probes, ...list.entries.map((e) => e.address / 4096)]) {
          for (const [index, s] of spaces.entries()) {
            for (const h of [0, 1] as const) {
              const id = tlb.find(s, at(h, probe * 4096));
              const wanted = list.find(index, h, probe * 4096);
              expect(id < 0 ? undefined : tlb.pa(id, at(h, probe * 4096))).toBe(
                wanted === undefined
                  ? undefined
                  : wanted.pa + ((probe * 4096) % PAGE_BYTES[wanted.sizeIndex]!),
              );
            }
          }
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('reuses the places of removed entries', () => {
    const tlb = new Tlb();
    const s = tlb.createSpace(TAGS);
    const info = entryOrigin(KIND_STAGE1, 3, 1);
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 1000; n++) {
        tlb.insert(s, at(0, n * 4096), 0, 0, info);
      }
      expect(tlb.counts.stage1).toBe(1000);
      tlb.removeAll(s);
      expect(tlb.counts.stage1).toBe(0);
      expect(tlb.find(s, at(0, 4096))).toBe(-1);
    }
  });
});
