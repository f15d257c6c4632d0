import { isDevice, memAttrAttributes } from '../attributes/memory-type';
import { packLeafAttributes } from '../attributes/stage2-attributes';
import { offsetInPage } from '../cache/page-sizes';
import type { Tlb } from '../cache/tlb';
import { TlbAddress } from '../cache/tlb-address';
import {
  entryAttributes,
  entryOrigin,
  KIND_STAGE2,
  levelOf,
  S2_CLEAN,
  S2_DEVICE,
  S2_WRITE,
  STAGE1_ALL,
} from '../cache/tlb-info';
import type { Fault, FaultClass, TranslationFault } from '../events/faults';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { Provenance } from '../provenance/provenance';
import type { CachingRules } from './break-before-make';
import type { Stage2Context } from './context';
import {
  ACCESS_FLAG,
  Descriptor,
  NO_TRANSLATION,
  S2AP_SHIFT,
  S2AP_WRITE,
  S2_DBM,
  S2_MEMATTR_SHIFT,
  S2_SH_SHIFT,
  S2_XN_SHIFT,
  TABLE_OR_PAGE,
  VALID,
} from './descriptor';
import { tableIndex } from './granule';
import { stage2Permissions } from './permissions';

const TWO_32 = 2 ** 32;
const PER_TWO_32 = 2 ** -32;

/** Whether each MemAttr is a Device type where S2FWB is 0. */
const DEVICE_MEMATTR: readonly boolean[] = Array.from({ length: 16 }, (_, memAttr) =>
  isDevice(memAttrAttributes(memAttr, 0)),
);

/**
 * Stage-2 translation, IPA to PA. One walker serves a whole SMMU; its public fields hold the last
 * successful translation.
 */
export class Stage2Walker {
  /** Output address of the last translation. */
  pa = 0;
  /** TLB information bits of the leaf. */
  info = 0;
  /** Place of the leaf's size in PAGE_SIZES_LOG2. */
  sizeIndex = 0;
  /** The leaf is a block with nT=1, where that means something. */
  fleeting = false;
  private readonly descriptor = new Descriptor();
  /** The IPA at hand: an address passed on as an argument costs an allocation, where it is not inlined. */
  readonly at = new TlbAddress();
  private leafBase = 0;
  /** Where the leaf of the last walk lies. */
  private leafAddress = 0;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly tlb: Tlb,
    private readonly rules: CachingRules,
    private readonly provenance?: Provenance,
  ) {}

  /**
   * Translates one IPA. `need` is the stage-2 permission of the access: CD fetches and stage-1
   * walks need read, updates of stage-1 descriptors write. What is permitted is cached, and updates
   * the leaf in memory; a fault leaves nothing behind.
   */
  translate(
    context: Stage2Context,
    ipa: number,
    access: FaultClass,
    need: number,
  ): Fault | undefined {
    this.at.set(0, ipa);
    return this.translateAt(context, access, need);
  }

  /** The same for the IPA in `at`. */
  translateAt(context: Stage2Context, access: FaultClass, need: number): Fault | undefined {
    const { at, tlb } = this;
    if (at.address() >= context.inputLimit) return this.fault('F_TRANSLATION', access);
    const id = tlb.find(context.space, at);
    const stale = need === S2_WRITE ? S2_CLEAN : 0;
    return id < 0 || (tlb.info(id) & stale) !== 0
      ? this.miss(context, access, need, id >= 0)
      : this.hit(context, id, access, need);
  }

  private hit(
    context: Stage2Context,
    id: number,
    access: FaultClass,
    need: number,
  ): Fault | undefined {
    const { at, tlb } = this;
    if (this.rules.conflictsFault && tlb.covering(context.space, at) > 1) {
      return { event: 'F_TLB_CONFLICT', stage: 2, ipa: at.address() };
    }
    this.provenance?.through(id);
    this.fleeting = false;
    this.info = tlb.info(id);
    this.sizeIndex = tlb.sizeIndex(id);
    this.pa = tlb.pa(id, at);
    return this.permission(context, access, need);
  }

  private miss(
    context: Stage2Context,
    access: FaultClass,
    need: number,
    found: boolean,
  ): Fault | undefined {
    this.provenance?.enterStage2();
    const failed = this.fill(context, access, need, found);
    this.provenance?.leaveStage2();
    return failed;
  }

  /** Walks, and caches what the access may have, in place of what was `found`. */
  private fill(
    context: Stage2Context,
    access: FaultClass,
    need: number,
    found: boolean,
  ): Fault | undefined {
    const failed = this.walk(context, access) ?? this.permission(context, access, need);
    if (failed !== undefined) return failed;
    this.update(context, need === S2_WRITE);
    if (this.fleeting) return undefined;
    const { tlb, sizeIndex } = this;
    if (found) tlb.replace(context.space, this.at, sizeIndex);
    const entry = tlb.insert(context.space, this.at, sizeIndex, sizeIndex, this.info);
    tlb.complete(entry, this.leafBase, this.leafBase);
    return undefined;
  }

  private permission(context: Stage2Context, access: FaultClass, need: number): Fault | undefined {
    if ((this.info & need) !== need) {
      const refused = this.fault('F_PERMISSION', access);
      return access === 'TT' && need === S2_WRITE ? { ...refused, tableWrite: true } : refused;
    }
    // A protected table walk must not touch Device memory (IHI 0070 §5.2 S2PTW).
    if (context.protectedWalks && access !== 'IN' && (this.info & S2_DEVICE) !== 0) {
      return this.fault('F_PERMISSION', access);
    }
    return undefined;
  }

  /**
   * The walk: per level the fetch, validity, output size; on the leaf the Access flag (IHI 0070
   * §7.3.22).
   */
  private walk(context: Stage2Context, access: FaultClass): Fault | undefined {
    const { granule } = context;
    const entry = this.descriptor;
    const cached = this.tlb.findTable(context.space, this.at, granule.tableSizes);
    if (cached >= 0) this.provenance?.through(cached);
    const table = cached >= 0 ? this.tlb.tablePa(cached) : context.base;
    // Bits [51:32] and [31:0] of the table at hand. It is aligned to its size.
    let high = (table * PER_TWO_32) | 0;
    let low = table | 0;
    const first = cached >= 0 ? levelOf(this.tlb.info(cached)) + 1 : context.startLevel;
    for (let level = first; level <= 3; level++) {
      low |= tableIndex(granule, level, context, this.at) * 8;
      if (!entry.read(this.memory, high, low, context.bigEndian)) {
        const fetchAddress = addressOf(high, low);
        return { event: 'F_WALK_EABT', stage: 2, class: access, fetchAddress };
      }
      this.provenance?.descriptor(addressOf(high, low), context);
      const tableOrPage = (entry.lo & TABLE_OR_PAGE) !== 0;
      if ((entry.lo & VALID) === 0) return this.fault('F_TRANSLATION', access);
      if (!tableOrPage && (level === 3 || level < granule.firstBlockLevel)) {
        return this.fault('F_TRANSLATION', access);
      }
      const output = entry.address(granule);
      if (output >= context.outputLimit) return this.fault('F_ADDR_SIZE', access);
      if (level < 3 && tableOrPage) {
        high = entry.addressHigh(granule);
        low = entry.addressLow(granule);
        if (this.rules.walkCaches) this.keepTable(context, level);
        continue;
      }
      if (context.accessFlagFaults && (entry.lo & ACCESS_FLAG) === 0) {
        return this.fault('F_ACCESS', access);
      }
      this.leafAddress = addressOf(high, low);
      this.leaf(context, level, output);
      return undefined;
    }
    throw new Error('a stage-2 walk ended without a leaf');
  }

  private keepTable(context: Stage2Context, level: number): void {
    const { granule, space } = context;
    const info = entryOrigin(KIND_STAGE2, level, granule.commandCode);
    const id = this.tlb.insertTable(space, this.at, granule.sizeIndexes[level]!, info);
    const table = this.descriptor.address(granule);
    this.tlb.complete(id, table, table);
  }

  /**
   * Updates the leaf of the last walk in memory: an access sets the Access flag, a write makes a
   * writable-clean leaf dirty (IHI 0070 §3.13).
   */
  private update(context: Stage2Context, write: boolean): void {
    const entry = this.descriptor;
    if (!context.updates.accessFlag) return;
    const dirties = write && (this.info & S2_CLEAN) !== 0;
    if (!dirties && (entry.lo & ACCESS_FLAG) !== 0) return;
    entry.lo |= ACCESS_FLAG;
    if (dirties) {
      entry.lo |= S2AP_WRITE;
      this.info &= ~S2_CLEAN;
    }
    entry.write(this.memory, this.leafAddress, context.bigEndian);
  }

  private leaf(context: Stage2Context, level: number, output: number): void {
    const { lo, hi } = this.descriptor;
    const { granule } = context;
    this.sizeIndex = granule.sizeIndexes[level]!;
    this.fleeting = this.rules.heedsNoTranslation && level < 3 && (lo & NO_TRANSLATION) !== 0;
    this.leafBase = output - offsetInPage(this.sizeIndex, output);
    this.pa = this.leafBase + this.at.offset(this.sizeIndex);
    const memAttr = (lo >>> S2_MEMATTR_SHIFT) & 0xf;
    const shareability = (lo >>> S2_SH_SHIFT) & 3;
    const device = context.forcedWriteBack ? (memAttr & 0b100) === 0 : DEVICE_MEMATTR[memAttr]!;
    const clean = context.updates.dirtyState && (hi & S2_DBM) !== 0 && (lo & S2AP_WRITE) === 0;
    const s2ap = ((clean ? lo | S2AP_WRITE : lo) >>> S2AP_SHIFT) & 3;
    this.info =
      STAGE1_ALL |
      stage2Permissions(context, s2ap, (hi >>> S2_XN_SHIFT) & 3) |
      (device ? S2_DEVICE : 0) |
      (clean ? S2_CLEAN : 0) |
      entryAttributes(packLeafAttributes(memAttr, shareability)) |
      entryOrigin(KIND_STAGE2, level, granule.commandCode);
  }

  private fault(event: TranslationFault['event'], access: FaultClass): TranslationFault {
    return { event, stage: 2, class: access, ipa: this.at.address() };
  }
}

/** The address of bits [51:32] and [31:0]. */
function addressOf(high: number, low: number): number {
  return high * TWO_32 + (low >>> 0);
}
