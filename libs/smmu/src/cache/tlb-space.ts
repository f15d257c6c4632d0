import type { StreamWorld } from './stream-world';
import { NONE } from './entry-arena';

/** Hears when a space gets its first entry and when it loses its last. */
export interface SpaceOwner {
  filled(space: TlbSpace): void;
  emptied(space: TlbSpace): void;
}

/** What tells a space's entries from others'. */
export interface SpaceTags {
  readonly world: StreamWorld;
  readonly vmid: number;
  /** Absent: stage-2 entries, or global ones. */
  readonly asid?: number;
}

/**
 * The entries of one tag: an ASID of a VMID, the global entries of a VMID, or the stage-2 entries
 * of a VMID. Owned by the TLB that made it; only the TLB changes it.
 */
export class TlbSpace {
  /** Region of all addresses of TTB0 or stage 2, and of TTB1; NONE until something was there. */
  readonly roots: number[] = [NONE, NONE];
  /** Entries of all roles. */
  count = 0;
  /** Bit n: an entry of size PAGE_SIZES_LOG2[n] may exist. */
  sizes = 0;
  /** Bit n: a splintered leaf of size PAGE_SIZES_LOG2[n] may exist. */
  splintered = 0;
  /** Bit n: a table descriptor for PAGE_SIZES_LOG2[n] of addresses may exist. */
  tables = 0;
  /** The owner's: place in its list of spaces that hold entries. */
  place = NONE;

  constructor(
    readonly id: number,
    readonly tags: SpaceTags,
    readonly owner: SpaceOwner | undefined,
  ) {}
}

/** Things that hold entries, to be walked and left in any order at no cost. */
export class LiveList<T extends { place: number }> {
  private readonly items: T[] = [];

  add(item: T): void {
    item.place = this.items.length;
    this.items.push(item);
  }

  delete(item: T): void {
    const last = this.items.pop()!;
    if (last !== item) {
      this.items[item.place] = last;
      last.place = item.place;
    }
    item.place = NONE;
  }

  /** Visits every item; the visit may delete the item visited, and no other. */
  forEach(visit: (item: T) => void): void {
    for (let at = this.items.length - 1; at >= 0; at--) visit(this.items[at]!);
  }
}
