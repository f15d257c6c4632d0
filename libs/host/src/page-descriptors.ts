import {
  S1_LEAF_DESCRIPTOR,
  S2_LEAF_DESCRIPTOR,
  TABLE_DESCRIPTOR,
  type PhysicalMemory,
} from '@steward/smmu';

/** Access and memory type of a mapping. */
export interface PageProtection {
  readonly read: boolean;
  readonly write: boolean;
  /** Device memory: not cacheable, and in the forced write-back scheme forced to Device. */
  readonly mmio: boolean;
}

/** What a descriptor says, at a given level. */
export type PageEntry =
  | { readonly kind: 'empty' }
  | { readonly kind: 'leaf' }
  | { readonly kind: 'table'; readonly address: number };

const LAST_LEVEL = 3;
const WORD = 2 ** 32;
const OUTER_SHAREABLE = 2n;
const INNER_SHAREABLE = 3n;
/** S2 MemAttr: Normal write-back, Device-nGnRE (DDI 0487 D8.6, Linux `ARM_LPAE_PTE_MEMATTR_*`). */
const MEM_ATTR = { normal: 0xfn, device: 0x1n };
/** The same under STE.S2FWB: 6 forces write-back whatever stage 1 says. */
const MEM_ATTR_FWB = { normal: 0x6n, device: 0x1n };

const VALID_LO = 0b01;
const VALID_TABLE_OR_PAGE_LO = 0b11;
const NEXT_TABLE_LO = lowMask(TABLE_DESCRIPTOR.mask('NextLevelTable')[0]!);
const NEXT_TABLE_HI = highMask(TABLE_DESCRIPTOR.mask('NextLevelTable')[0]!);

/**
 * The bits of a stage-2 descriptor besides its address and size (Linux `arm_lpae_prot_to_pte`). iommufd maps memory
 * cacheable and executable; the access flag is set, as the driver does not manage it.
 */
export function stage2Attributes(protection: PageProtection, s2fwb: boolean): bigint {
  const { read, write, mmio } = protection;
  const types = s2fwb ? MEM_ATTR_FWB : MEM_ATTR;
  return S2_LEAF_DESCRIPTOR.encode({
    MemAttr: mmio ? types.device : types.normal,
    S2AP: (read ? 0b01n : 0n) | (write ? 0b10n : 0n),
    SH: mmio ? OUTER_SHAREABLE : INNER_SHAREABLE,
    AF: 1n,
  })[0]!;
}

/** MAIR as Linux lays it out (`arm_64_lpae_alloc_pgtable_s1`): Normal NC, Normal WB, Device-nGnRE, inner NC outer WB. */
export const STAGE1_MAIR = 0xf404_ff44n;
const MAIR_INDEX = { cacheable: 1n, device: 2n };
const UNPRIVILEGED = 0b01n;
const READ_ONLY = 0b10n;

/** The bits of a stage-1 descriptor besides its address and size, for a mapping that any privilege may use. */
export function stage1Attributes({ read, write, mmio }: PageProtection): bigint {
  return S1_LEAF_DESCRIPTOR.encode({
    AttrIndx: mmio ? MAIR_INDEX.device : MAIR_INDEX.cacheable,
    AP: UNPRIVILEGED | (read && !write ? READ_ONLY : 0n),
    SH: mmio ? OUTER_SHAREABLE : INNER_SHAREABLE,
    AF: 1n,
    nG: 1n,
  })[0]!;
}

/** Reads a descriptor. Bits [1:0]: 01 is a block above the last level; 11 a table there, a page at the last level. */
export function readEntry(memory: PhysicalMemory, at: number, level: number): PageEntry {
  const lo = memory.readLo(at);
  if ((lo & VALID_LO) === 0) return { kind: 'empty' };
  if (level === LAST_LEVEL || (lo & VALID_TABLE_OR_PAGE_LO) === VALID_LO) return { kind: 'leaf' };
  const address = ((lo & NEXT_TABLE_LO) >>> 0) + (memory.readHi(at) & NEXT_TABLE_HI) * WORD;
  return { kind: 'table', address };
}

/** Writes a block or page descriptor, in one 64-bit write. */
export function writeLeaf(
  memory: PhysicalMemory,
  at: number,
  leaf: { readonly pa: number; readonly level: number; readonly attributes: bigint },
): void {
  const type = leaf.level === LAST_LEVEL ? VALID_TABLE_OR_PAGE_LO : VALID_LO;
  const lo = (leaf.pa % WORD) + lowMask(leaf.attributes) + type;
  memory.writeWord(at, lo, Math.floor(leaf.pa / WORD) + highMask(leaf.attributes));
}

/** Links a next-level table. */
export function writeTable(memory: PhysicalMemory, at: number, table: number): void {
  memory.writeWord(at, (table % WORD) + VALID_TABLE_OR_PAGE_LO, Math.floor(table / WORD));
}

/** Makes a descriptor invalid. */
export function writeNothing(memory: PhysicalMemory, at: number): void {
  memory.writeWord(at, 0, 0);
}

function lowMask(word: bigint): number {
  return Number(word & 0xffff_ffffn);
}

function highMask(word: bigint): number {
  return Number(word >> 32n);
}
