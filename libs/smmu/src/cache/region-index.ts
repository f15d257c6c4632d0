import { NONE, WORD, type EntryArena } from './entry-arena';
import {
  firstByteOf,
  halfOf,
  pageAround,
  ROLE,
  roleOf,
  sizeIndexOf,
  tagOfPage,
  type Role,
} from './entry-key';
import { PAGE_BYTES, PAGE_SIZES_LOG2, pageSizeIndex } from './page-sizes';
import type { TlbSpace } from './tlb-space';

/** Addresses of one half, from `first` to `last` inclusive. */
export interface AddressRange {
  readonly half: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Whose entries are listed. It is asked by method: a closure for each invalidation would be called, and
 * not inlined, for each entry.
 */
export interface Lister {
  /** Whether an entry in a swept range goes; it gives back the place of one that does. */
  take(id: number): boolean;
  /** An entry goes with all others of its space. It gives back the place. */
  drained(id: number): void;
}

/** Sizes of the regions below the root, by depth less 1: 512 GiB, 1 GiB and 2 MiB. */
const REGION_SIZES = [39, 30, 21].map(pageSizeIndex);
const DEEPEST = REGION_SIZES.length;
const PER_TWO_32 = 2 ** -32;
/** The deepest region that an entry of each size fits into, being smaller than the region. */
const DEPTHS = PAGE_SIZES_LOG2.map((sizeLog2) =>
  sizeLog2 < 21 ? 3 : sizeLog2 < 30 ? 2 : sizeLog2 < 39 ? 1 : 0,
);
/** A list that grows beyond this is divided by the next smaller regions. */
const DIVIDE_AT = 64;

/** Depth, and whether the region was divided: its small entries are then in regions below it. */
const SHAPE = WORD.LINK_B;
const DIVIDED = 4;

/**
 * Which entries of a space lie where. A space begins as one list; a list that grows long is divided
 * by region. What lies in a range is found in proportion to what is there: regions wholly inside
 * are listed, and of the regions at its ends no more is looked at than they have entries, or than
 * the range has positions there.
 */
export class RegionIndex {
  constructor(private readonly arena: EntryArena) {}

  /** Lists an entry of the space. */
  add(space: TlbSpace, id: number): void {
    const { arena } = this;
    const half = halfOf(arena.tag(id));
    let region = space.roots[half]!;
    if (region === NONE) region = this.createRoot(space, half);
    else if ((arena.word(region, SHAPE) & DIVIDED) !== 0) region = this.below(space, region, id);
    if (arena.link(region, id) > DIVIDE_AT) this.divide(space, region);
  }

  private createRoot(space: TlbSpace, half: 0 | 1): number {
    const root = this.arena.addHidden(tagOfPage(half, 0, 0, ROLE.REGION), 0);
    this.start(root, 0);
    space.roots[half] = root;
    return root;
  }

  /**
   * Takes an entry off its list. A region that loses its last entry goes too, but for a root, which
   * is undivided again: a space that was used will be.
   */
  remove(id: number): void {
    const { arena } = this;
    let region = arena.listOf(id);
    arena.unlink(id);
    while (arena.length(region) === 0) {
      if ((arena.word(region, SHAPE) & ~DIVIDED) === 0) {
        this.start(region, 0);
        return;
      }
      const parent = arena.listOf(region);
      arena.unlink(region);
      arena.remove(region);
      region = parent;
    }
  }

  /** Lets every entry of the space go, and forgets the lists. */
  drain(space: TlbSpace, lister: Lister): void {
    for (const root of space.roots) {
      if (root === NONE) continue;
      this.drainRegion(root, lister);
      this.start(root, 0);
    }
  }

  /** Offers every entry of the space that intersects a range. One that is taken goes off its list. */
  sweep(space: TlbSpace, range: AddressRange, lister: Lister): void {
    const root = space.roots[range.half]!;
    if (root !== NONE && this.sweepRegion(space, root, range, lister) === 0) this.start(root, 0);
  }

  /** Makes a region an empty list. */
  private start(region: number, depth: number): void {
    this.arena.startList(region);
    this.arena.setWord(region, SHAPE, depth);
  }

  /** The region below a divided root whose list an entry belongs on. */
  private below(space: TlbSpace, root: number, id: number): number {
    const deepest = DEPTHS[sizeIndexOf(this.arena.tag(id))]!;
    for (let depth = deepest; depth > 0; depth--) {
      const region = this.around(space, id, depth);
      if (region === NONE) continue;
      const divided = (this.arena.word(region, SHAPE) & DIVIDED) !== 0;
      return divided && depth < deepest ? this.create(space, region, id) : region;
    }
    return deepest > 0 ? this.create(space, root, id) : root;
  }

  /** The region of a depth that holds an entry's address, or NONE. */
  private around(space: TlbSpace, id: number, depth: number): number {
    const { arena } = this;
    const tag = arena.tag(id);
    const page = pageAround(tag, arena.page(id), REGION_SIZES[depth - 1]!);
    return arena.find(space.id, regionTag(tag, depth), page);
  }

  /** Makes the region one level below `parent` that holds an entry's address. */
  private create(space: TlbSpace, parent: number, id: number): number {
    const { arena } = this;
    const depth = (arena.word(parent, SHAPE) & ~DIVIDED) + 1;
    const tag = arena.tag(id);
    const page = pageAround(tag, arena.page(id), REGION_SIZES[depth - 1]!);
    const region = arena.add(space.id, regionTag(tag, depth), page, 0);
    this.start(region, depth);
    arena.link(parent, region);
    return region;
  }

  /** Moves a region's small entries into regions below it. */
  private divide(space: TlbSpace, region: number): void {
    const { arena } = this;
    const depth = arena.word(region, SHAPE);
    if (depth >= DEEPEST) return; // Divided already, or as small as regions get.
    arena.setWord(region, SHAPE, depth | DIVIDED);
    const below = new Set<number>();
    for (let id = arena.first(region); id !== NONE;) {
      const next = arena.next(id);
      if (DEPTHS[sizeIndexOf(arena.tag(id))]! > depth) {
        const known = this.around(space, id, depth + 1);
        const target = known === NONE ? this.create(space, region, id) : known;
        arena.unlink(id);
        arena.link(target, id);
        below.add(target);
      }
      id = next;
    }
    for (const child of below) {
      if (arena.length(child) > DIVIDE_AT) this.divide(space, child);
    }
  }

  private drainRegion(region: number, lister: Lister): void {
    const { arena } = this;
    for (let id = arena.first(region); id !== NONE;) {
      const next = arena.next(id);
      if (roleOf(arena.tag(id)) === ROLE.REGION) {
        this.drainRegion(id, lister);
        arena.remove(id);
      } else lister.drained(id);
      id = next;
    }
  }

  /** @returns how many entries the region is left with. */
  private sweepRegion(
    space: TlbSpace,
    region: number,
    range: AddressRange,
    lister: Lister,
  ): number {
    const { arena } = this;
    const shape = arena.word(region, SHAPE);
    const inside = (shape & ~DIVIDED) === 0 ? range : this.clipped(region, range);
    if (inside === undefined) this.sift(space, region, undefined, range, lister);
    else if (this.positions(space, shape, inside) < arena.length(region)) {
      this.probe(space, region, inside, lister);
    } else this.sift(space, region, inside, range, lister);
    return arena.length(region);
  }

  /** Offers what a region lists, and of that only what lies `inside`, if that is not everything. */
  private sift(
    space: TlbSpace,
    region: number,
    inside: AddressRange | undefined,
    range: AddressRange,
    lister: Lister,
  ): void {
    const { arena } = this;
    let kept = NONE;
    let count = 0;
    let next: number;
    for (let id = arena.first(region); id !== NONE; id = next) {
      next = arena.next(id);
      const offered = inside === undefined || this.intersects(id, inside);
      if (offered && this.offer(space, id, range, lister)) continue;
      arena.keep(region, kept, id);
      kept = id;
      count++;
    }
    arena.end(region, kept, count);
  }

  /** The part of a range that lies in a region; undefined when that is the whole region. */
  private clipped(region: number, range: AddressRange): AddressRange | undefined {
    const tag = this.arena.tag(region);
    const start = firstByteOf(tag, this.arena.page(region));
    const end = start + PAGE_BYTES[sizeIndexOf(tag)]! - 1;
    const first = Math.max(start, range.first);
    const last = Math.min(end, range.last);
    return first === start && last === end ? undefined : { half: range.half, first, last };
  }

  /** Looks up everything that a region may list in the range. */
  private probe(space: TlbSpace, region: number, range: AddressRange, lister: Lister): void {
    const { arena } = this;
    forEachKind(space, arena.word(region, SHAPE), (sizeIndex, role) => {
      const bytes = PAGE_BYTES[sizeIndex]!;
      const end = Math.floor(range.last / bytes);
      for (let page = Math.floor(range.first / bytes); page <= end; page++) {
        const tag = tagOfPage(range.half, Math.floor(page * PER_TWO_32), sizeIndex, role);
        const id = arena.find(space.id, tag, page | 0);
        // A place that was given back keeps its links until it is taken anew.
        if (id !== NONE && this.offer(space, id, range, lister)) arena.unlink(id);
      }
    });
  }

  /** How many keys a probe of the range would look up. */
  private positions(space: TlbSpace, shape: number, range: AddressRange): number {
    let total = 0;
    forEachKind(space, shape, (sizeIndex) => {
      const bytes = PAGE_BYTES[sizeIndex]!;
      total += Math.floor(range.last / bytes) - Math.floor(range.first / bytes) + 1;
    });
    return total;
  }

  /** @returns whether what was listed goes: an entry that is taken, a region left empty. */
  private offer(space: TlbSpace, id: number, range: AddressRange, lister: Lister): boolean {
    if (roleOf(this.arena.tag(id)) !== ROLE.REGION) return lister.take(id);
    if (this.sweepRegion(space, id, range, lister) > 0) return false;
    this.arena.remove(id);
    return true;
  }

  private intersects(id: number, range: AddressRange): boolean {
    const tag = this.arena.tag(id);
    const first = firstByteOf(tag, this.arena.page(id));
    return first <= range.last && first + PAGE_BYTES[sizeIndexOf(tag)]! > range.first;
  }
}

/** Visits the sizes and roles of what a region of this shape may list. */
function forEachKind(
  space: TlbSpace,
  shape: number,
  visit: (sizeIndex: number, role: Role) => void,
): void {
  const depth = shape & ~DIVIDED;
  const divided = (shape & DIVIDED) !== 0;
  if (divided) visit(REGION_SIZES[depth]!, ROLE.REGION);
  for (let sizeIndex = 0; sizeIndex < DEPTHS.length; sizeIndex++) {
    if (divided ? DEPTHS[sizeIndex]! !== depth : DEPTHS[sizeIndex]! < depth) continue;
    if (((space.sizes >>> sizeIndex) & 1) !== 0) visit(sizeIndex, ROLE.LEAF);
    if (((space.splintered >>> sizeIndex) & 1) !== 0) visit(sizeIndex, ROLE.LEADER);
    if (((space.tables >>> sizeIndex) & 1) !== 0) visit(sizeIndex, ROLE.TABLE);
  }
}

/** Regions are so large that their page numbers have no bits above the lowest 32. */
function regionTag(tag: number, depth: number): number {
  return tagOfPage(halfOf(tag), 0, REGION_SIZES[depth - 1]!, ROLE.REGION);
}
