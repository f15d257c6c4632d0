/** One 64-bit store of a guest's CPU. */
export type Store = readonly [ipa: number, word: bigint];

/** Hands out 4 KiB pages of guest RAM and takes them back. */
export class GuestPages {
  private readonly free: number[] = [];

  /** @param next IPA of the first page; `end` that behind the last. */
  constructor(
    private next: number,
    private readonly end: number,
  ) {}

  /** @throws RangeError when there is no page left. */
  allocate(): number {
    const page = this.free.pop();
    if (page !== undefined) return page;
    if (this.next >= this.end) throw new RangeError('the guest has no page left');
    this.next += PAGE;
    return this.next - PAGE;
  }

  release(page: number): void {
    this.free.push(page);
  }
}

export const PAGE = 4096;
const PER_TABLE = 512;
const TABLE = 0b11n;
/** Valid, AF, nG, inner shareable, AP: read and write for all (DDI 0487 D8.3). */
const LEAF = 1n | (1n << 6n) | (3n << 8n) | (1n << 10n) | (1n << 11n);
const PAGE_BIT = 1n << 1n;
const READ_ONLY = 1n << 7n;
const ADDRESS = 0xffff_ffff_f000n;

/** A mapping of a guest's table. */
export interface GuestMapping {
  /** First byte's IPA. */
  readonly ipa: number;
  readonly writable: boolean;
  /** 3: a page; 2: a block of 2 MiB. */
  readonly level: 2 | 3;
}

/**
 * A guest's stage-1 table: 4K granule, four levels, 48-bit addresses. It knows what it stored, and says
 * which words a change stores. What was cached of the old words is the caller's to invalidate.
 */
export class Stage1Table {
  readonly root: number;
  readonly mappings = new Map<number, GuestMapping>();
  private readonly words = new Map<number, bigint>();
  /** Entries in use, by table. */
  private readonly used = new Map<number, number>();

  constructor(private readonly pages: GuestPages) {
    this.root = pages.allocate();
  }

  /** Stores that clear the root: its page may have been something else before. */
  create(): Store[] {
    return this.clear(this.root);
  }

  /** Maps `iova` where nothing is mapped; what was invalid is cached by nobody. */
  map(iova: number, mapping: GuestMapping): Store[] {
    const stores: Store[] = [];
    let table = this.root;
    for (let level = 0; level < mapping.level; level++) {
      const at = slot(table, iova, level);
      const entry = this.words.get(at) ?? 0n;
      if (entry !== 0n) {
        table = Number(entry & ADDRESS);
        continue;
      }
      const next = this.pages.allocate();
      stores.push(...this.clear(next), this.store(at, BigInt(next) | TABLE));
      this.used.set(table, (this.used.get(table) ?? 0) + 1);
      table = next;
    }
    const page = mapping.level === 3 ? PAGE_BIT : 0n;
    const word = BigInt(mapping.ipa) | LEAF | page | (mapping.writable ? 0n : READ_ONLY);
    stores.push(this.store(slot(table, iova, mapping.level), word));
    this.used.set(table, (this.used.get(table) ?? 0) + 1);
    this.mappings.set(iova, mapping);
    return stores;
  }

  /** Clears the leaf of a mapping. */
  unmap(iova: number): Store[] {
    const { level } = this.mappings.get(iova)!;
    const table = this.walk(iova, level);
    this.mappings.delete(iova);
    this.used.set(table, this.used.get(table)! - 1);
    return [this.store(slot(table, iova, level), 0n)];
  }

  /**
   * Unlinks the tables on the way to `iova` that hold nothing any more. Their pages are the caller's
   * to release, once nothing can be cached of them.
   */
  prune(iova: number): { readonly stores: Store[]; readonly pages: number[] } {
    const stores: Store[] = [];
    const pages: number[] = [];
    for (let level = 3; level > 0; level--) {
      const table = this.walk(iova, level as 1 | 2 | 3);
      if (table < 0 || (this.used.get(table) ?? 0) > 0) continue;
      const parent = this.walk(iova, (level - 1) as 0 | 1 | 2);
      stores.push(this.store(slot(parent, iova, level - 1), 0n));
      this.used.set(parent, this.used.get(parent)! - 1);
      this.used.delete(table);
      pages.push(table);
    }
    return { stores, pages };
  }

  /** Every page of the table, for its end. */
  allPages(): number[] {
    return [this.root, ...[...this.used.keys()].filter((table) => table !== this.root)];
  }

  /** The table at a level on the way to `iova`, or -1. */
  private walk(iova: number, level: 0 | 1 | 2 | 3): number {
    let table = this.root;
    for (let above = 0; above < level; above++) {
      const entry = this.words.get(slot(table, iova, above)) ?? 0n;
      if ((entry & TABLE) !== TABLE) return -1;
      table = Number(entry & ADDRESS);
    }
    return table;
  }

  private clear(table: number): Store[] {
    return Array.from({ length: PER_TABLE }, (_, i) => this.store(table + 8 * i, 0n));
  }

  private store(ipa: number, word: bigint): Store {
    this.words.set(ipa, word);
    return [ipa, word];
  }
}

function slot(table: number, iova: number, level: number): number {
  return table + 8 * (Math.floor(iova / 2 ** (39 - 9 * level)) % PER_TABLE);
}
