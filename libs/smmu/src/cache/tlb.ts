import { EntryArena, NONE } from './entry-arena';
import { offsetInPage, PAGE_BYTES, PER_PAGE } from './page-sizes';
import { granuleCodeOf, KIND_NESTED, KIND_STAGE2, kindOf, levelOf } from './tlb-info';

/**
 * The entries of one tag: an ASID of a VMID, the global entries of a VMID, or the stage-2 entries
 * of a VMID. Owned by the TLB that made it; only the TLB changes it.
 */
export class TlbSpace {
  /** First entry of the list of this space's entries, or -1. */
  head = -1;
  count = 0;
  /** Bit n: an entry of size PAGE_SIZES_LOG2[n] may exist. */
  sizes = 0;
  /** Bit n: a splintered leaf of size PAGE_SIZES_LOG2[n] may exist. */
  splintered = 0;
  /** @param live sets of spaces that hold entries: the TLB enters the space while it does. */
  constructor(
    readonly id: number,
    readonly live: readonly Set<TlbSpace>[],
  ) {}
}

/**
 * Which leaves an invalidation by address names; 0 in either field names all (IHI 0070 §4.4.1.1).
 */
export interface LeafFilter {
  readonly granuleCode: number;
  readonly level: number;
}

/** A translation to be cached. */
export interface TlbEntry {
  /** Input address inside the half, a byte address below 2^52. */
  readonly address: number;
  /** 0 for TTB0 and stage 2, 1 for TTB1. */
  readonly half: number;
  readonly sizeIndex: number;
  /** Size of the stage-1 leaf the entry came from, at least `sizeIndex`. */
  readonly leafSizeIndex: number;
  /** Output address of the entry's first byte. */
  readonly pa: number;
  /** Output of stage 1 for the entry's first byte (nested), otherwise the same as `pa`. */
  readonly ipa: number;
  readonly info: number;
}

/** Number of entries by what they translate. */
export interface TlbCounts {
  stage1: number;
  stage2: number;
  nested: number;
}

const HALF = 2 ** 40;

/**
 * A TLB that keeps everything until told otherwise.
 *
 * Entries lie in an arena of typed arrays, found through one chained hash over (space, half, page,
 * size). Each space threads its entries on a list, so dropping a space costs in proportion to what
 * it holds. A stage-1 leaf that stage 2 splinters into smaller entries has a leader entry (never
 * found by a lookup) that threads the pieces: naming any address of the leaf removes them all, as
 * the architecture demands of an invalidation by address.
 */
export class Tlb {
  readonly counts: TlbCounts = { stage1: 0, stage2: 0, nested: 0 };
  private nextSpaceId = 1;

  private readonly entries = new EntryArena();

  createSpace(live: readonly Set<TlbSpace>[] = []): TlbSpace {
    return new TlbSpace(this.nextSpaceId++, live);
  }

  /**
   * The entry that covers an address, or -1. Of several, the largest: all are permitted (IHI 0070
   * §3.21.1).
   */
  find(space: TlbSpace, half: number, address: number): number {
    for (let sizes = space.sizes; sizes !== 0;) {
      const index = 31 - Math.clz32(sizes);
      const id = this.entries.find(space.id, keyOf(half, address, index));
      if (id !== NONE) return id;
      sizes ^= 1 << index;
    }
    return NONE;
  }

  /** Output address of `address` through entry `id`. */
  pa(id: number, address: number): number {
    return this.entries.pas[id]! + offsetInPage(sizeIndexOf(this.entries.keys[id]!), address);
  }

  /** Stage-1 output of `address` through entry `id`. */
  ipa(id: number, address: number): number {
    return this.entries.ipas[id]! + offsetInPage(sizeIndexOf(this.entries.keys[id]!), address);
  }

  info(id: number): number {
    return this.entries.infos[id]!;
  }

  /** Place of the entry's size in PAGE_SIZES_LOG2. */
  sizeIndex(id: number): number {
    return sizeIndexOf(this.entries.keys[id]!);
  }

  /** Caches a translation, in place of one with the same tag, address and size. */
  insert(space: TlbSpace, entry: TlbEntry): void {
    const key = keyOf(entry.half, entry.address, entry.sizeIndex);
    const old = this.entries.find(space.id, key);
    if (old !== NONE) this.remove(space, old);
    const id = this.add(space, key, entry.info);
    this.entries.pas[id] = entry.pa;
    this.entries.ipas[id] = entry.ipa;
    space.sizes |= 1 << entry.sizeIndex;
    this.count(entry.info, 1);
    if (entry.leafSizeIndex > entry.sizeIndex) this.joinLeaf(space, id, entry);
  }

  /** Removes what covers one address. */
  removeAddress(space: TlbSpace, half: number, address: number, filter: LeafFilter): void {
    for (let sizes = space.sizes; sizes !== 0;) {
      const index = 31 - Math.clz32(sizes);
      const id = this.entries.find(space.id, keyOf(half, address, index));
      if (id !== NONE && this.named(id, filter)) this.remove(space, id);
      sizes ^= 1 << index;
    }
    for (let sizes = space.splintered; sizes !== 0;) {
      const index = 31 - Math.clz32(sizes);
      this.removePieces(space, keyOf(half, address, index) + LEADER, filter);
      sizes ^= 1 << index;
    }
  }

  /**
   * Removes what intersects the addresses from `first` to `last` (inclusive). Looks every position
   * up or walks the space's entries, whichever is less.
   */
  removeRange(
    space: TlbSpace,
    half: number,
    range: { readonly first: number; readonly last: number },
    filter: LeafFilter,
  ): void {
    if (space.count === 0) return;
    if (positions(space.sizes | space.splintered, range) > space.count) {
      this.scanRange(space, half, range, filter);
      return;
    }
    for (let index = 0; index < PAGE_BYTES.length; index++) {
      const bytes = PAGE_BYTES[index]!;
      const whole = (space.sizes >>> index) & 1;
      const pieces = (space.splintered >>> index) & 1;
      if (!whole && !pieces) continue;
      const end = Math.floor(range.last / bytes);
      for (let page = Math.floor(range.first / bytes); page <= end; page++) {
        const key = keyOf(half, page * bytes, index);
        const id = whole ? this.entries.find(space.id, key) : NONE;
        if (id !== NONE && this.named(id, filter)) this.remove(space, id);
        if (pieces) this.removePieces(space, key + LEADER, filter);
      }
    }
  }

  /** Removes every entry of a space. */
  removeAll(space: TlbSpace): void {
    for (let id = space.head; id !== NONE;) {
      const next = this.entries.next[id]!;
      if (!isLeader(this.entries.keys[id]!)) this.count(this.entries.infos[id]!, -1);
      this.entries.remove(id);
      id = next;
    }
    space.head = NONE;
    if (space.count > 0) this.emptied(space);
  }

  private emptied(space: TlbSpace): void {
    space.count = 0;
    space.sizes = 0;
    space.splintered = 0;
    for (const live of space.live) live.delete(space);
  }

  private scanRange(
    space: TlbSpace,
    half: number,
    range: { readonly first: number; readonly last: number },
    filter: LeafFilter,
  ): void {
    const found: number[] = [];
    for (let id = space.head; id !== NONE; id = this.entries.next[id]!) {
      // A piece goes with its leaf, whose leader is on the list too.
      if (this.entries.piecePrevious[id] === NONE && this.intersects(id, half, range))
        found.push(id);
    }
    for (const id of found) {
      const key = this.entries.keys[id]!;
      if (isLeader(key)) this.removePieces(space, key, filter);
      else if (this.named(id, filter)) this.remove(space, id);
    }
  }

  private intersects(
    id: number,
    half: number,
    range: { readonly first: number; readonly last: number },
  ): boolean {
    const key = this.entries.keys[id]!;
    const page = Math.floor(key / KEY_SCALE);
    if (page >= HALF !== (half === 1)) return false;
    const bytes = PAGE_BYTES[sizeIndexOf(key)]!;
    const first = (page >= HALF ? page - HALF : page) * bytes;
    return first <= range.last && first + bytes > range.first;
  }

  /** Removes the pieces of a splintered leaf, given its leader's key. Whether any was removed. */
  private removePieces(space: TlbSpace, key: number, filter: LeafFilter): boolean {
    const leader = this.entries.find(space.id, key);
    if (leader === NONE) return false;
    const first = this.entries.pieceNext[leader]!;
    // Pieces of one leaf share its granule and level.
    if (!this.named(first, filter)) return false;
    for (let id = first; id !== NONE;) {
      const next = this.entries.pieceNext[id]!;
      this.remove(space, id);
      id = next;
    }
    return true;
  }

  private named(id: number, filter: LeafFilter): boolean {
    const info = this.entries.infos[id]!;
    if (filter.granuleCode !== 0 && filter.granuleCode !== granuleCodeOf(info)) return false;
    return filter.level === 0 || filter.level === levelOf(info);
  }

  private joinLeaf(space: TlbSpace, id: number, entry: TlbEntry): void {
    const key = keyOf(entry.half, entry.address, entry.leafSizeIndex) + LEADER;
    let leader = this.entries.find(space.id, key);
    if (leader === NONE) leader = this.add(space, key, entry.info);
    space.splintered |= 1 << entry.leafSizeIndex;
    const first = this.entries.pieceNext[leader]!;
    this.entries.pieceNext[id] = first;
    this.entries.piecePrevious[id] = leader;
    if (first !== NONE) this.entries.piecePrevious[first] = id;
    this.entries.pieceNext[leader] = id;
  }

  private remove(space: TlbSpace, id: number): void {
    this.count(this.entries.infos[id]!, -1);
    const before = this.entries.piecePrevious[id]!;
    const after = this.entries.pieceNext[id]!;
    this.drop(space, id);
    if (before === NONE) return;
    this.entries.pieceNext[before] = after;
    if (after !== NONE) this.entries.piecePrevious[after] = before;
    else if (isLeader(this.entries.keys[before]!)) this.drop(space, before);
  }

  private drop(space: TlbSpace, id: number): void {
    const next = this.entries.next[id]!;
    const previous = this.entries.previous[id]!;
    if (previous === NONE) space.head = next;
    else this.entries.next[previous] = next;
    if (next !== NONE) this.entries.previous[next] = previous;
    space.count--;
    if (space.count === 0) this.emptied(space);
    this.entries.remove(id);
  }

  private add(space: TlbSpace, key: number, info: number): number {
    const id = this.entries.add(space.id, key);
    this.entries.infos[id] = info;
    this.entries.next[id] = space.head;
    if (space.head !== NONE) this.entries.previous[space.head] = id;
    space.head = id;
    if (space.count === 0) for (const live of space.live) live.add(space);
    space.count++;
    return id;
  }

  private count(info: number, by: 1 | -1): void {
    const kind = kindOf(info);
    if (kind === KIND_NESTED) this.counts.nested += by;
    else if (kind === KIND_STAGE2) this.counts.stage2 += by;
    else this.counts.stage1 += by;
  }
}

/** A key is (half, page, size, leader) as one number below 2^53. */
const KEY_SCALE = 32;
const LEADER = 1;

function keyOf(half: number, address: number, sizeIndex: number): number {
  const page = Math.floor(address * PER_PAGE[sizeIndex]!);
  return (page + half * HALF) * KEY_SCALE + sizeIndex * 2;
}

function sizeIndexOf(key: number): number {
  return ((key | 0) >>> 1) & 0xf;
}

function isLeader(key: number): boolean {
  return (key & LEADER) === LEADER;
}

/** How many positions of the given sizes a range touches. */
function positions(
  sizes: number,
  range: { readonly first: number; readonly last: number },
): number {
  let total = 0;
  for (let rest = sizes; rest !== 0;) {
    const index = 31 - Math.clz32(rest);
    const bytes = PAGE_BYTES[index]!;
    total += Math.floor(range.last / bytes) - Math.floor(range.first / bytes) + 1;
    rest ^= 1 << index;
  }
  return total;
}
