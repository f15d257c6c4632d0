import type { CachedTranslation } from '../provenance/cached-entry';
import type { Provenance } from '../provenance/provenance';
import { EntryArena, NONE, WORD } from './entry-arena';
import {
  firstByteOf,
  halfOf,
  pageOf,
  ROLE,
  roleOf,
  sizeIndexOf,
  tagOf,
  type Role,
} from './entry-key';
import { PAGE_SIZES_LOG2 } from './page-sizes';
import { Replacement, type CacheShape } from './replacement';
import { RegionIndex, type AddressRange, type Lister } from './region-index';
import { granuleCodeOf, KIND_NESTED, KIND_STAGE2, kindOf, levelOf } from './tlb-info';
import type { TlbAddress } from './tlb-address';
import { TlbSpace, type SpaceOwner, type SpaceTags } from './tlb-space';

/**
 * Which leaves an invalidation by address names; 0 in either field names all (IHI 0070 §4.4.1.1).
 */
export interface LeafFilter {
  readonly granuleCode: number;
  readonly level: number;
  /** Leaf=1: table descriptors may stay. */
  readonly leavesOnly: boolean;
}

/** Number of entries by what they translate. */
export interface TlbCounts {
  stage1: number;
  stage2: number;
  nested: number;
  /** Table descriptors of any stage. */
  tables: number;
}

/** Neighbours among the pieces of one splintered leaf; its leader is before the first. */
const PIECE_NEXT = WORD.LINK_A;
const PIECE_PREVIOUS = WORD.LINK_B;

/**
 * A TLB that keeps everything until told otherwise.
 *
 * Entries lie in an arena of typed arrays, found through one chained hash over (space, key). An
 * index by region says which entries of a space lie in a range, so an invalidation costs in
 * proportion to what it removes. A stage-1 leaf that stage 2 splinters into smaller entries has a
 * leader entry (never found by a lookup) that threads the pieces: naming any address of the leaf
 * removes them all, as the architecture demands of an invalidation by address.
 */
export class Tlb implements Lister {
  readonly counts: TlbCounts = { stage1: 0, stage2: 0, nested: 0, tables: 0 };
  private nextSpaceId = 1;
  private readonly entries = new EntryArena();
  private readonly regions = new RegionIndex(this.entries);

  private readonly replacement: Replacement | undefined;
  /** Of the range that is being removed: what it names, and what was met of it. */
  private filter: LeafFilter = { granuleCode: 0, level: 0, leavesOnly: false };
  private readonly leaders: number[] = [];
  private taken = 0;
  /** Spaces by id. */
  private readonly spaces: TlbSpace[] = [];

  /**
   * @param shape of a TLB that holds no more than that; absent: it keeps everything.
   * @param provenance is told of every entry that comes and goes.
   */
  constructor(
    shape?: CacheShape,
    private readonly provenance?: Provenance,
  ) {
    this.replacement = shape === undefined ? undefined : new Replacement(shape);
  }

  createSpace(tags: SpaceTags, owner?: SpaceOwner): TlbSpace {
    const space = new TlbSpace(this.nextSpaceId++, tags, owner);
    this.spaces[space.id] = space;
    return space;
  }

  /**
   * The entry that covers an address, or -1. Of several, the largest: all are permitted (IHI 0070
   * §3.21.1).
   */
  find(space: TlbSpace, at: TlbAddress): number {
    for (let sizes = space.sizes; sizes !== 0;) {
      const index = 31 - Math.clz32(sizes);
      const id = this.lookUp(space, at, index, ROLE.LEAF);
      if (id !== NONE) return id;
      sizes ^= 1 << index;
    }
    return NONE;
  }

  /** How many entries cover an address. */
  covering(space: TlbSpace, at: TlbAddress): number {
    let count = 0;
    for (let sizes = space.sizes; sizes !== 0; sizes &= sizes - 1) {
      const index = 31 - Math.clz32(sizes & -sizes);
      if (this.lookUp(space, at, index, ROLE.LEAF) !== NONE) count++;
    }
    return count;
  }

  /** Output address of an address through entry `id`. */
  pa(id: number, at: TlbAddress): number {
    return this.entries.pa(id) + at.offset(this.sizeIndex(id));
  }

  /** Stage-1 output of an address through entry `id`. */
  ipa(id: number, at: TlbAddress): number {
    return this.entries.ipa(id) + at.offset(this.sizeIndex(id));
  }

  info(id: number): number {
    return this.entries.word(id, WORD.INFO);
  }

  /** Place of the entry's size in PAGE_SIZES_LOG2. */
  sizeIndex(id: number): number {
    return sizeIndexOf(this.entries.tag(id));
  }

  /**
   * Caches a translation. None with the same tag, address and size is there: a lookup said so, or
   * `replace` took it away. `complete` gives it its output.
   * @param leafSizeIndex size of the stage-1 leaf that the entry came from, at least `sizeIndex`.
   */
  insert(
    space: TlbSpace,
    at: TlbAddress,
    sizeIndex: number,
    leafSizeIndex: number,
    info: number,
  ): number {
    const id = this.add(space, at, sizeIndex, ROLE.LEAF, info);
    space.sizes |= 1 << sizeIndex;
    this.countLeaf(info, 1);
    if (leafSizeIndex > sizeIndex) this.joinLeaf(space, id, at, leafSizeIndex);
    if (this.replacement !== undefined) this.makeRoom(id, this.replacement);
    return id;
  }

  /** Removes the entry that another one of the same tag, address and size is to replace, if any. */
  replace(space: TlbSpace, at: TlbAddress, sizeIndex: number): void {
    const old = this.lookUp(space, at, sizeIndex, ROLE.LEAF);
    if (old !== NONE) this.remove(space, old);
  }

  /**
   * Completes an entry just inserted with its output. Apart from inserting it, because addresses
   * handed on as arguments cost an allocation each.
   * @param pa output of the entry's first byte; of a table descriptor, the base of the next table: a
   * PA, or with TABLE_AT_IPA an IPA.
   * @param ipa output of stage 1 for the first byte (nested), otherwise the same as `pa`; of a table
   * descriptor, the base of the next table as the descriptor gives it.
   */
  complete(id: number, pa: number, ipa: number): void {
    this.entries.setOutput(id, pa, ipa);
    this.provenance?.made(id);
  }

  /**
   * The cached table descriptor nearest to the leaf of an address, or -1.
   * @param tableSizes bit n: tables of the granule are for PAGE_SIZES_LOG2[n] of addresses. No two
   * granules have a size in common.
   */
  findTable(space: TlbSpace, at: TlbAddress, tableSizes: number): number {
    for (let sizes = space.tables & tableSizes; sizes !== 0; sizes &= sizes - 1) {
      const id = this.lookUp(space, at, 31 - Math.clz32(sizes & -sizes), ROLE.TABLE);
      if (id !== NONE) return id;
    }
    return NONE;
  }

  /** Base of the next table, of a table descriptor that was found. */
  tablePa(id: number): number {
    return this.entries.pa(id);
  }

  /** The same as the descriptor gives it. */
  tableIpa(id: number): number {
    return this.entries.ipa(id);
  }

  /**
   * Caches a table descriptor. None with the same tag, address and size is there: a lookup said so.
   * `complete` gives it its output.
   * @param sizeIndex size of the addresses that the descriptor maps.
   */
  insertTable(space: TlbSpace, at: TlbAddress, sizeIndex: number, info: number): number {
    const id = this.add(space, at, sizeIndex, ROLE.TABLE, info);
    space.tables |= 1 << sizeIndex;
    this.counts.tables++;
    if (this.replacement !== undefined) this.makeRoom(id, this.replacement);
    return id;
  }

  /** What an entry says, for people and checkers. */
  describe(id: number): CachedTranslation {
    const { entries } = this;
    const tag = entries.tag(id);
    const info = this.info(id);
    const { tags } = this.spaces[entries.owner(id)]!;
    const kind = kindOf(info);
    return {
      cache: roleOf(tag) === ROLE.TABLE ? 'walk' : 'TLB',
      stage: kind === KIND_NESTED ? 'nested' : kind === KIND_STAGE2 ? 'stage 2' : 'stage 1',
      ...tags,
      address: firstByteOf(tag, entries.page(id)),
      half: halfOf(tag),
      sizeLog2: PAGE_SIZES_LOG2[sizeIndexOf(tag)]!,
      level: levelOf(info),
      output: entries.pa(id),
    };
  }

  /** Removes what covers one address. */
  removeAddress(space: TlbSpace, at: TlbAddress, filter: LeafFilter): void {
    for (let sizes = space.sizes; sizes !== 0;) {
      const index = 31 - Math.clz32(sizes);
      const id = this.lookUp(space, at, index, ROLE.LEAF);
      if (id !== NONE && this.named(id, filter)) this.remove(space, id);
      sizes ^= 1 << index;
    }
    for (let sizes = space.splintered; sizes !== 0;) {
      const index = 31 - Math.clz32(sizes);
      const leader = this.lookUp(space, at, index, ROLE.LEADER);
      if (leader !== NONE) this.removePieces(space, leader, filter);
      sizes ^= 1 << index;
    }
    if (filter.leavesOnly) return;
    for (let sizes = space.tables; sizes !== 0; sizes &= sizes - 1) {
      const index = 31 - Math.clz32(sizes & -sizes);
      const id = this.lookUp(space, at, index, ROLE.TABLE);
      if (id !== NONE && this.named(id, filter)) this.remove(space, id);
    }
  }

  /** Removes what intersects a range of addresses. */
  removeRange(space: TlbSpace, range: AddressRange, filter: LeafFilter): void {
    if (space.count === 0) return;
    this.filter = filter;
    this.taken = 0;
    this.regions.sweep(space, range, this);
    space.count -= this.taken;
    if (space.count === 0) this.emptied(space);
    for (const leader of this.leaders) this.removePieces(space, leader, filter);
    this.leaders.length = 0;
  }

  /** Takes an entry out of a range that is being removed; a splintered leaf later, as a whole. */
  take(id: number): boolean {
    const { entries } = this;
    if (roleOf(entries.tag(id)) === ROLE.LEADER) {
      this.leaders.push(id);
      return false;
    }
    // A piece goes with its leaf, whose leader is in the range too.
    if (entries.word(id, PIECE_PREVIOUS) !== NONE || !this.named(id, this.filter)) return false;
    this.drained(id);
    this.taken++;
    return true;
  }

  /** Removes every entry of a space. */
  removeAll(space: TlbSpace): void {
    if (space.count === 0) return;
    this.regions.drain(space, this);
    this.emptied(space);
  }

  /** Gives up an entry whose list is seen to. */
  drained(id: number): void {
    if (roleOf(this.entries.tag(id)) !== ROLE.LEADER) this.forget(id);
    this.entries.remove(id);
  }

  private emptied(space: TlbSpace): void {
    space.count = 0;
    space.sizes = 0;
    space.splintered = 0;
    space.tables = 0;
    space.owner?.emptied(space);
  }

  /** Removes the pieces of a splintered leaf, and so its leader. */
  private removePieces(space: TlbSpace, leader: number, filter: LeafFilter): void {
    const first = this.entries.word(leader, PIECE_NEXT);
    // Pieces of one leaf share its granule and level.
    if (!this.named(first, filter)) return;
    for (let id = first; id !== NONE;) {
      const next = this.entries.word(id, PIECE_NEXT);
      this.remove(space, id);
      id = next;
    }
  }

  private named(id: number, filter: LeafFilter): boolean {
    const info = this.info(id);
    if (filter.granuleCode !== 0 && filter.granuleCode !== granuleCodeOf(info)) return false;
    // A leaf at the level named, and with Leaf=0 the tables on the way to it (§4.4.1.1).
    if (roleOf(this.entries.tag(id)) === ROLE.TABLE) {
      return !filter.leavesOnly && (filter.level === 0 || levelOf(info) < filter.level);
    }
    return filter.level === 0 || filter.level === levelOf(info);
  }

  private joinLeaf(space: TlbSpace, id: number, at: TlbAddress, leafSizeIndex: number): void {
    const { entries } = this;
    let leader = this.lookUp(space, at, leafSizeIndex, ROLE.LEADER);
    if (leader === NONE) leader = this.add(space, at, leafSizeIndex, ROLE.LEADER, this.info(id));
    space.splintered |= 1 << leafSizeIndex;
    const first = entries.word(leader, PIECE_NEXT);
    entries.setWord(id, PIECE_NEXT, first);
    entries.setWord(id, PIECE_PREVIOUS, leader);
    if (first !== NONE) entries.setWord(first, PIECE_PREVIOUS, id);
    entries.setWord(leader, PIECE_NEXT, id);
  }

  private remove(space: TlbSpace, id: number): void {
    const { entries } = this;
    this.forget(id);
    const before = entries.word(id, PIECE_PREVIOUS);
    const after = entries.word(id, PIECE_NEXT);
    this.drop(space, id);
    if (before === NONE) return;
    entries.setWord(before, PIECE_NEXT, after);
    if (after !== NONE) entries.setWord(after, PIECE_PREVIOUS, before);
    else if (roleOf(entries.tag(before)) === ROLE.LEADER) this.drop(space, before);
  }

  private drop(space: TlbSpace, id: number): void {
    this.regions.remove(id);
    this.entries.remove(id);
    space.count--;
    if (space.count === 0) this.emptied(space);
  }

  private lookUp(space: TlbSpace, at: TlbAddress, sizeIndex: number, role: Role): number {
    return this.entries.find(space.id, tagOf(at, sizeIndex, role), pageOf(at, sizeIndex));
  }

  private add(
    space: TlbSpace,
    at: TlbAddress,
    sizeIndex: number,
    role: Role,
    info: number,
  ): number {
    const id = this.entries.add(space.id, tagOf(at, sizeIndex, role), pageOf(at, sizeIndex), info);
    this.regions.add(space, id);
    if (space.count === 0) space.owner?.filled(space);
    space.count++;
    return id;
  }

  /** Gives the entry a place in its set; another may have to go. */
  private makeRoom(id: number, replacement: Replacement): void {
    const place = replacement.claim(this.entries.hash(id), (victim) => {
      this.remove(this.spaces[this.entries.owner(victim)]!, victim);
    });
    replacement.occupy(place, id);
    this.entries.setWord(id, WORD.SLOT, place);
  }

  /** Takes an entry out of the counts, out of its set, and out of what is known of its origin. */
  private forget(id: number): void {
    this.provenance?.removed(id);
    if (roleOf(this.entries.tag(id)) === ROLE.TABLE) this.counts.tables--;
    else this.countLeaf(this.info(id), -1);
    if (this.replacement !== undefined) this.replacement.free(this.entries.word(id, WORD.SLOT));
  }

  private countLeaf(info: number, by: 1 | -1): void {
    const kind = kindOf(info);
    if (kind === KIND_NESTED) this.counts.nested += by;
    else if (kind === KIND_STAGE2) this.counts.stage2 += by;
    else this.counts.stage1 += by;
  }
}
