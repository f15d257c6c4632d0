import { stage1Attributes } from '../attributes/memory-type';
import { offsetInPage } from '../cache/page-sizes';
import type { TlbAddress } from '../cache/tlb-address';
import {
  entryAttributes,
  entryOrigin,
  KIND_STAGE1,
  S1_CLEAN,
  S2_READ,
  S2_WRITE,
  STAGE2_ALL,
} from '../cache/tlb-info';
import type { Fault, TranslationFault } from '../events/faults';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { Provenance } from '../provenance/provenance';
import type { BreakBeforeMake } from './break-before-make';
import type { Stage1Context, Stage1Half, Stage2Context } from './context';
import {
  ACCESS_FLAG,
  AP_READ_ONLY,
  AP_SHIFT,
  AP_TABLE_SHIFT,
  ATTR_INDX_SHIFT,
  DBM,
  Descriptor,
  NO_TRANSLATION,
  NOT_GLOBAL,
  PXN,
  PXN_TABLE,
  SH_SHIFT,
  TABLE_OR_PAGE,
  UXN,
  UXN_TABLE,
  VALID,
} from './descriptor';
import { tableIndex } from './granule';
import { stage1Permissions } from './permissions';
import type { Stage2Walker } from './stage2';
import type { TableCache } from './table-cache';

const PER_TWO_32 = 2 ** -32;

/**
 * The stage-1 walk, VA to IPA or PA. One walker serves a whole SMMU; its public fields hold the
 * last successful walk.
 */
export class Stage1Walker {
  /** Output address of the leaf's first byte. */
  leafBase = 0;
  /** Place of the leaf's size in PAGE_SIZES_LOG2. */
  sizeIndex = 0;
  /** TLB information bits: what the leaf permits, stage 2 not regarded. */
  info = 0;
  /** The leaf's nG bit is 0. */
  global = false;
  /** The leaf is a block with nT=1, where that means something. */
  fleeting = false;
  /** Where the leaf lies: an IPA where stage 2 translates, otherwise a PA. */
  private leafAddress = 0;
  /** PA of the last descriptor fetched. */
  private fetched = 0;
  private readonly descriptor = new Descriptor();

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly stage2: Stage2Walker,
    private readonly tables: TableCache,
    private readonly rules: BreakBeforeMake,
    private readonly provenance?: Provenance,
  ) {}

  /**
   * Walks for an address. With stage 2, tables are at IPAs and
   * every descriptor fetch is translated first (IHI 0070 §3.3.4, §7.3.22).
   */
  walk(
    context: Stage1Context,
    half: Stage1Half,
    at: TlbAddress,
    stage2: Stage2Context | undefined,
  ): Fault | undefined {
    const { granule } = half;
    const { tables, descriptor: entry } = this;
    tables.begin(context, half, at);
    for (let level = tables.level; level <= 3; level++) {
      const index = tableIndex(granule, level, half, at) * 8;
      const failed = this.fetch(context, index, stage2);
      tables.reached(stage2, failed === undefined ? this.stage2 : undefined, index);
      if (failed !== undefined) return failed;
      this.provenance?.descriptor(this.fetched, context);
      const tableOrPage = (entry.lo & TABLE_OR_PAGE) !== 0;
      if ((entry.lo & VALID) === 0) return fault('F_TRANSLATION');
      if (!tableOrPage && (level === 3 || level < granule.firstBlockLevel)) {
        return fault('F_TRANSLATION');
      }
      const output = entry.address(granule);
      if (output >= context.outputLimit) return fault('F_ADDR_SIZE');
      if (level < 3 && tableOrPage) {
        tables.descend(level, output, entry.hi);
        continue;
      }
      if (context.accessFlagFaults && (entry.lo & ACCESS_FLAG) === 0) return fault('F_ACCESS');
      this.leafAddress = tables.ipa + index;
      this.leaf(context, half, level, half.hierarchical ? tables.bits : 0);
      return undefined;
    }
    throw new Error('a stage-1 walk ended without a leaf');
  }

  /**
   * Updates the leaf of the last walk in memory, for an access that stage 1 permits: an access sets
   * the Access flag, a write makes a writable-clean leaf dirty. With stage 2 that is a write to the
   * leaf's IPA, which stage 2 must permit (IHI 0070 §3.13.5).
   */
  update(
    context: Stage1Context,
    write: boolean,
    stage2: Stage2Context | undefined,
  ): Fault | undefined {
    const entry = this.descriptor;
    if (!context.updates.accessFlag) return undefined;
    const dirties = write && (this.info & S1_CLEAN) !== 0;
    if (!dirties && (entry.lo & ACCESS_FLAG) !== 0) return undefined;
    let pa = this.leafAddress;
    if (stage2 !== undefined) {
      const failed = this.stage2.translate(stage2, pa, 'TT', S2_WRITE);
      if (failed !== undefined) return failed;
      pa = this.stage2.pa;
    }
    entry.lo |= ACCESS_FLAG;
    if (dirties) {
      entry.lo &= ~AP_READ_ONLY;
      this.info &= ~S1_CLEAN;
    }
    entry.write(this.memory, pa, context.bigEndian);
    return undefined;
  }

  /** Reads one descriptor of the table at hand, through stage 2 if there is one. */
  private fetch(
    context: Stage1Context,
    index: number,
    stage2: Stage2Context | undefined,
  ): Fault | undefined {
    let pa = this.tables.pa + index;
    if (stage2 !== undefined && !this.tables.translated) {
      const failed = this.stage2.translate(stage2, pa, 'TT', S2_READ);
      if (failed !== undefined) return failed;
      pa = this.stage2.pa;
    }
    this.fetched = pa;
    // Handed on as integers: where it is not inlined, an address costs an allocation.
    const high = (pa * PER_TWO_32) | 0;
    if (!this.descriptor.read(this.memory, high, pa | 0, context.bigEndian)) {
      return { event: 'F_WALK_EABT', stage: 1, class: 'TT', fetchAddress: pa };
    }
    return undefined;
  }

  private leaf(context: Stage1Context, half: Stage1Half, level: number, tableBits: number): void {
    const { lo, hi } = this.descriptor;
    const { granule } = half;
    this.sizeIndex = granule.sizeIndexes[level]!;
    const output = this.descriptor.address(granule);
    this.leafBase = output - offsetInPage(this.sizeIndex, output);
    this.global = (lo & NOT_GLOBAL) === 0;
    this.fleeting = this.rules.heedsNoTranslation && level < 3 && (lo & NO_TRANSLATION) !== 0;
    // APTable[0] takes unprivileged access away, APTable[1] write access (DDI 0487 D8.4.1.2.1).
    const apTable = (tableBits >>> AP_TABLE_SHIFT) & 3;
    const clean =
      context.updates.dirtyState &&
      (hi & DBM) !== 0 &&
      (lo & AP_READ_ONLY) !== 0 &&
      (apTable & 2) === 0;
    const own = ((clean ? lo & ~AP_READ_ONLY : lo) >>> AP_SHIFT) & 3;
    const ap = (own | (apTable & 2)) & ~(apTable & 1);
    const pxn = (hi & PXN) !== 0 || (tableBits & PXN_TABLE) !== 0;
    const uxn = (hi & UXN) !== 0 || (tableBits & UXN_TABLE) !== 0;
    this.info =
      stage1Permissions(context, ap, pxn, uxn) |
      STAGE2_ALL |
      (clean ? S1_CLEAN : 0) |
      entryAttributes(stage1Attributes(memoryType(context, lo), (lo >>> SH_SHIFT) & 3)) |
      entryOrigin(KIND_STAGE1, level, granule.commandCode);
  }
}

/** The byte of MAIR that a leaf's AttrIndx names. */
function memoryType(context: Stage1Context, lo: number): number {
  const index = (lo >>> ATTR_INDX_SHIFT) & 7;
  return (context.mair[index < 4 ? 0 : 1] >>> (8 * (index & 3))) & 0xff;
}

function fault(event: TranslationFault['event']): TranslationFault {
  return { event, stage: 1, class: 'IN' };
}
