import type { PhysicalMemory } from '../memory/physical-memory';
import type { Field, Layout } from '../formats/layout';
import {
  BLOCK_DESCRIPTOR,
  S1_LEAF_DESCRIPTOR,
  S2_LEAF_DESCRIPTOR,
  TABLE_DESCRIPTOR,
} from '../formats/translation-descriptor';
import { GRANULE_64K_LPA, type Granule } from './granule';

const TWO_32 = 2 ** 32;

/** A mask inside one 32-bit half of a descriptor, from its declaration. */
function half<F extends Record<string, Field>>(
  layout: Layout<F>,
  name: keyof F,
  high: boolean,
): number {
  const mask = layout.mask(name)[0]!;
  const inHalf = high ? mask >> 32n : mask & 0xffff_ffffn;
  if (inHalf === 0n || (high ? mask & 0xffff_ffffn : mask >> 32n) !== 0n) {
    throw new RangeError(`${layout.name}.${String(name)} is not in that half`);
  }
  return Number(inHalf) | 0;
}

function shift<F extends Record<string, Field>>(layout: Layout<F>, name: keyof F): number {
  return layout.fields[name]!.lo & 31;
}

export const VALID = half(TABLE_DESCRIPTOR, 'Valid', false);
export const TABLE_OR_PAGE = half(TABLE_DESCRIPTOR, 'Type', false);
export const PXN_TABLE = half(TABLE_DESCRIPTOR, 'PXNTable', true);
export const UXN_TABLE = half(TABLE_DESCRIPTOR, 'UXNTable', true);
export const AP_TABLE_SHIFT = shift(TABLE_DESCRIPTOR, 'APTable');

/** nT: the block is about to change its size, and not to be cached. */
export const NO_TRANSLATION = half(BLOCK_DESCRIPTOR, 'nT', false);

export const ATTR_INDX_SHIFT = shift(S1_LEAF_DESCRIPTOR, 'AttrIndx');
export const SH_SHIFT = shift(S1_LEAF_DESCRIPTOR, 'SH');
export const ACCESS_FLAG = half(S1_LEAF_DESCRIPTOR, 'AF', false);
/** AP[2]: 1 takes write access away. */
export const AP_READ_ONLY = 2 << shift(S1_LEAF_DESCRIPTOR, 'AP');
/** Dirty Bit Modifier: a leaf without write access that is meant to be writable. */
export const DBM = half(S1_LEAF_DESCRIPTOR, 'DBM', true);
export const NOT_GLOBAL = half(S1_LEAF_DESCRIPTOR, 'nG', false);
export const AP_SHIFT = shift(S1_LEAF_DESCRIPTOR, 'AP');
export const PXN = half(S1_LEAF_DESCRIPTOR, 'PXN', true);
export const UXN = half(S1_LEAF_DESCRIPTOR, 'UXN', true);

export const S2AP_SHIFT = shift(S2_LEAF_DESCRIPTOR, 'S2AP');
/** S2AP[1]: write access. */
export const S2AP_WRITE = 2 << shift(S2_LEAF_DESCRIPTOR, 'S2AP');
export const S2_DBM = half(S2_LEAF_DESCRIPTOR, 'DBM', true);
export const S2_MEMATTR_SHIFT = shift(S2_LEAF_DESCRIPTOR, 'MemAttr');
export const S2_SH_SHIFT = shift(S2_LEAF_DESCRIPTOR, 'SH');
export const S2_XN_SHIFT = shift(S2_LEAF_DESCRIPTOR, 'XN');

/** One descriptor as the walkers read it, in signed halves. Reused: it holds the last one read. */
export class Descriptor {
  lo = 0;
  hi = 0;

  /** Reads the descriptor at a physical address of bits [51:32] and [31:0]. False: no memory answers. */
  read(memory: PhysicalMemory, high: number, low: number, bigEndian: boolean): boolean {
    const answered = memory.loadAt(high, low, this);
    if (bigEndian) this.swap();
    return answered;
  }

  /** Updates the descriptor at a backed physical address, as hardware does. */
  write(memory: PhysicalMemory, pa: number, bigEndian: boolean): void {
    const { lo, hi } = this;
    if (bigEndian) memory.updateDescriptor(pa, swapped(hi), swapped(lo));
    else memory.updateDescriptor(pa, lo, hi);
  }

  private swap(): void {
    const { lo, hi } = this;
    this.lo = swapped(hi);
    this.hi = swapped(lo);
  }

  /**
   * The address in a Table, Block or Page descriptor, before a Block's low bits are dropped (DDI
   * 0487 D8.3).
   */
  address(granule: Granule): number {
    return this.addressHigh(granule) * TWO_32 + (this.addressLow(granule) >>> 0);
  }

  /** Its bits [31:0], signed. */
  addressLow(granule: Granule): number {
    return this.lo & -(1 << granule.pageShift);
  }

  /** Its bits [51:32]. */
  addressHigh(granule: Granule): number {
    const high = this.hi & 0xffff;
    // Bits [15:12] hold address bits [51:48].
    return granule === GRANULE_64K_LPA ? high | (((this.lo >>> 12) & 0xf) << 16) : high;
  }
}

function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
