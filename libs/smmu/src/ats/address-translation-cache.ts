import { atcKey } from '../provenance/cached-entry';
import type { Provenance } from '../provenance/provenance';
import type { TranslationGranted } from './translation-request';

/** What tells a device's translations of one address apart. */
export interface AtcTag {
  /** The PASID; absent: requested without one. */
  readonly substreamId?: number | undefined;
  /** Priv: the two privileges share no entry (IHI 0070 §13.7). Absent: unprivileged. */
  readonly privileged?: boolean | undefined;
}

/** One cached translation. */
export interface AtcEntry {
  /** Translated address of the region's first byte. */
  readonly output: number;
  readonly sizeLog2: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** What an ATS Invalidate Request names (IHI 0070 §4.5.1). */
export interface AtcSpan {
  /** The PASID; absent: the entries of every PASID, and those without one. */
  readonly substreamId?: number;
  /** Global Invalidate: with a PASID, the entries of every PASID. */
  readonly global: boolean;
  readonly address: bigint;
  /** log2 of the span in bytes, 12 to 64; the span is aligned to its size. */
  readonly sizeLog2: number;
}

/** The entries of one PASID and privilege: by log2 of their size, then by page number. */
type Entries = Map<number, Map<number, AtcEntry>>;

interface Space {
  readonly substreamId: number | undefined;
  readonly entries: Entries;
}

const PAGE_LOG2 = 12;

/**
 * The Address Translation Cache of one device: every translation the SMMU granted it, kept until an
 * invalidation names it. An entry goes as a whole when a span touches any of it.
 */
export class AddressTranslationCache {
  /**
   * Whether the device completes invalidations. If not, they time out: nothing is removed, and the
   * CMD_SYNC that waits for them fails (IHI 0070 §3.9.1.4).
   */
  answers = true;
  private readonly spaces = new Map<string, Space>();
  private entryCount = 0;
  private watch: { readonly streamId: number; readonly provenance: Provenance } | undefined;

  /** Translations cached now. */
  get count(): number {
    return this.entryCount;
  }

  /** From now on its entries are known by the StreamID that they were requested for. */
  watchedBy(streamId: number, provenance: Provenance): void {
    this.watch = { streamId, provenance };
  }

  /** Keeps what a Translation Completion granted for an address. */
  fill(tag: AtcTag, address: bigint, granted: TranslationGranted): void {
    const { sizeLog2, readable, writable, executable } = granted;
    const offset = Number(BigInt.asUintN(sizeLog2, address));
    const entry = { output: granted.address - offset, sizeLog2, readable, writable, executable };
    const space = this.space(tag);
    const { entries } = space;
    let pages = entries.get(sizeLog2);
    if (pages === undefined) entries.set(sizeLog2, (pages = new Map<number, AtcEntry>()));
    const page = pageOf(address, sizeLog2);
    if (!pages.has(page)) this.entryCount++;
    pages.set(page, entry);
    this.watch?.provenance.madeOfRequest(this.keyOf(space, sizeLog2, page));
  }

  /** The same as `lookup`, for an access: whoever watches is told that the entry answers it. */
  use(tag: AtcTag, address: bigint): AtcEntry | undefined {
    const entry = this.lookup(tag, address);
    if (entry === undefined || this.watch?.provenance.anyStale !== true) return entry;
    const page = pageOf(address, entry.sizeLog2);
    this.watch.provenance.hit(this.keyOf(this.space(tag), entry.sizeLog2, page));
    return entry;
  }

  /** A translation of an address, if one is cached. */
  lookup(tag: AtcTag, address: bigint): AtcEntry | undefined {
    for (const [sizeLog2, pages] of this.spaces.get(keyOf(tag))?.entries ?? []) {
      const entry = pages.get(pageOf(address, sizeLog2));
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /**
   * Removes what an invalidation names. One without PASID covers the entries of all PASIDs too
   * (Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, arm_smmu_atc_inv_to_cmd).
   * @returns how many entries went.
   */
  invalidate(span: AtcSpan): number {
    const before = this.entryCount;
    for (const space of this.spaces.values()) {
      if (!names(span, space)) continue;
      for (const [sizeLog2, pages] of space.entries) this.remove(space, { sizeLog2, pages }, span);
    }
    return before - this.entryCount;
  }

  private keyOf({ substreamId }: Space, sizeLog2: number, page: number): string {
    return atcKey(this.watch!.streamId, substreamId, sizeLog2, page);
  }

  private space(tag: AtcTag): Space {
    const key = keyOf(tag);
    let space = this.spaces.get(key);
    if (space === undefined) {
      space = { substreamId: tag.substreamId, entries: new Map() };
      this.spaces.set(key, space);
    }
    return space;
  }

  /** Counts through the span's pages or through the entries, whichever are fewer. */
  private remove(
    space: Space,
    { sizeLog2, pages }: { readonly sizeLog2: number; readonly pages: Map<number, AtcEntry> },
    span: AtcSpan,
  ): void {
    const first = pageOf(span.address, Math.max(sizeLog2, span.sizeLog2));
    const perSpan = 2 ** Math.max(0, span.sizeLog2 - sizeLog2);
    const from = first * perSpan;
    const last = from + perSpan - 1;
    const drop = (page: number): void => {
      if (!pages.delete(page)) return;
      this.entryCount--;
      this.watch?.provenance.removed(this.keyOf(space, sizeLog2, page));
    };
    if (perSpan <= pages.size) for (let page = from; page <= last; page++) drop(page);
    else for (const page of pages.keys()) if (page >= from && page <= last) drop(page);
  }
}

function names(span: AtcSpan, space: Space): boolean {
  if (span.substreamId === undefined) return true;
  return span.global ? space.substreamId !== undefined : space.substreamId === span.substreamId;
}

function keyOf({ substreamId, privileged = false }: AtcTag): string {
  return `${substreamId ?? 'none'}/${privileged ? 'privileged' : 'unprivileged'}`;
}

/** Number of the page of that size that holds an address: exact, being below 2^52. */
function pageOf(address: bigint, sizeLog2: number): number {
  const page = Number(BigInt.asUintN(64, address) >> BigInt(PAGE_LOG2));
  return Math.floor(page / 2 ** (sizeLog2 - PAGE_LOG2));
}
