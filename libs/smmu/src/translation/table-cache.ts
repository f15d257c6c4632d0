import { PAGE_SIZES_LOG2 } from '../cache/page-sizes';
import type { Tlb } from '../cache/tlb';
import { TlbAddress } from '../cache/tlb-address';
import {
  entryOrigin,
  KIND_NESTED,
  KIND_STAGE1,
  levelOf,
  TABLE_AT_IPA,
  TABLE_BITS,
} from '../cache/tlb-info';
import type { Provenance } from '../provenance/provenance';
import type { Stage1Context, Stage1Half, Stage2Context } from './context';

/** Where TABLE_BITS are in the upper half of a table descriptor. */
const TABLE_BITS_SHIFT = 27;

/**
 * The stage-1 walk cache: which table a walk is at, and what it may keep of the way there. A walk
 * begins at the deepest table that is cached for its address. With stage 2 a table is kept with its
 * PA where one stage-2 page holds all of it: such an entry is named by VA alone, so it outlives the
 * stage-2 entry (IHI 0070 §3.21.1, §4.4.3.1).
 */
export class TableCache {
  /** Level of the table at hand. */
  level = 0;
  /** Where the table at hand is read: its PA if `translated` or without stage 2, else its IPA. */
  pa = 0;
  /** The table at hand as the descriptor that names it says. */
  ipa = 0;
  /** `pa` needs no stage 2. */
  translated = false;
  /** Upper halves of the table descriptors so far, or-ed: of them only hierarchical permissions. */
  bits = 0;
  private context: Stage1Context | undefined;
  private half: Stage1Half | undefined;
  private at = new TlbAddress();
  /** The table at hand was named by a descriptor that this walk read. */
  private fresh = false;

  /** @param enabled off: walks begin at the start table and keep nothing. */
  constructor(
    private readonly tlb: Tlb,
    private readonly enabled: boolean,
    private readonly provenance?: Provenance,
  ) {}

  /** Begins a walk at the deepest cached table, or at the start table. */
  begin(context: Stage1Context, half: Stage1Half, at: TlbAddress): void {
    this.context = context;
    this.half = half;
    this.at = at;
    this.fresh = false;
    const { own } = context.spaces;
    const id = this.tlb.findTable(own, at, half.granule.tableSizes);
    if (id < 0) {
      this.level = half.startLevel;
      this.pa = this.ipa = half.base;
      this.translated = false;
      this.bits = 0;
      return;
    }
    this.provenance?.through(id);
    const info = this.tlb.info(id);
    this.level = levelOf(info) + 1;
    this.pa = this.tlb.tablePa(id);
    this.ipa = this.tlb.tableIpa(id);
    this.translated = (info & TABLE_AT_IPA) === 0;
    this.bits = (info & TABLE_BITS) << TABLE_BITS_SHIFT;
  }

  /** Goes on to the table that a descriptor at `level` names. */
  descend(level: number, table: number, upperHalf: number): void {
    this.level = level + 1;
    this.pa = this.ipa = table;
    this.translated = false;
    this.bits |= upperHalf;
    this.fresh = true;
  }

  /**
   * The descriptor at `index` (bytes) of the table at hand was fetched, through `translation` if
   * stage 2 translated the fetch: now it is known what may be kept of the table.
   */
  reached(
    stage2: Stage2Context | undefined,
    translation: { readonly pa: number; readonly sizeIndex: number } | undefined,
    index: number,
  ): void {
    if (!this.enabled || !this.fresh) return;
    const { granule } = this.half!;
    const whole =
      translation !== undefined && PAGE_SIZES_LOG2[translation.sizeIndex]! >= granule.pageShift;
    const atIpa = stage2 !== undefined && !whole;
    const level = this.level - 1;
    const info =
      ((this.bits >>> TABLE_BITS_SHIFT) & TABLE_BITS) |
      (atIpa ? TABLE_AT_IPA : 0) |
      entryOrigin(stage2 === undefined ? KIND_STAGE1 : KIND_NESTED, level, granule.commandCode);
    const { own } = this.context!.spaces;
    const id = this.tlb.insertTable(own, this.at, granule.sizeIndexes[level]!, info);
    const pa = stage2 !== undefined && whole ? translation.pa - index : this.ipa;
    this.tlb.complete(id, pa, this.ipa);
  }
}
