/**
 * What a TLB entry says beside its addresses, packed into one 32-bit number. Bits of a stage that
 * the translation does not use are set, so one mask test checks both stages.
 */
export const UNPRIV_READ = 1 << 0;
export const UNPRIV_WRITE = 1 << 1;
export const UNPRIV_EXECUTE = 1 << 2;
export const PRIV_READ = 1 << 3;
export const PRIV_WRITE = 1 << 4;
export const PRIV_EXECUTE = 1 << 5;
export const STAGE1_ALL = 0x3f;

export const S2_READ = 1 << 6;
export const S2_WRITE = 1 << 7;
export const S2_UNPRIV_EXECUTE = 1 << 8;
export const S2_PRIV_EXECUTE = 1 << 9;
export const STAGE2_ALL = 0xf << 6;

/** The stage-2 leaf has a Device type (for STE.S2PTW). */
export const S2_DEVICE = 1 << 10;

/**
 * The leaf of a stage is writable-clean: it permits writes, but the first one must walk again and
 * mark the descriptor dirty (IHI 0070 §3.13.3).
 */
export const S1_CLEAN = 1 << 17;
export const S2_CLEAN = 1 << 18;

/**
 * Memory attributes in twelve bits, above all others. Stage 1 and nested entries: the
 * AttributesCode that the stages of translation give. Stage 2: the leaf's MemAttr and SH as they
 * are, because what they make depends on the input.
 */
const ATTRIBUTES_SHIFT = 19;

/** Packs the attributes of an entry. */
export function entryAttributes(attributes: number): number {
  return attributes << ATTRIBUTES_SHIFT;
}

export function attributesOf(info: number): number {
  return info >>> ATTRIBUTES_SHIFT;
}

// A table descriptor's entry has its own low bits instead of permissions.
/** Hierarchical permissions of the tables so far, bits [63:59] of their descriptors or-ed. */
export const TABLE_BITS = 0x1f;
/** The next table's base is an IPA that stage 2 must translate. */
export const TABLE_AT_IPA = 1 << 5;

/** Which stages an entry translates. */
export const KIND_STAGE1 = 0;
export const KIND_STAGE2 = 1;
export const KIND_NESTED = 2;
const KIND_SHIFT = 11;
const LEVEL_SHIFT = 13;
const GRANULE_SHIFT = 15;

/**
 * Packs an entry's kind with the level and granule (command encoding) of the leaf that an
 * invalidation names.
 */
export function entryOrigin(kind: number, level: number, granuleCode: number): number {
  return (kind << KIND_SHIFT) | (level << LEVEL_SHIFT) | (granuleCode << GRANULE_SHIFT);
}

export function kindOf(info: number): number {
  return (info >>> KIND_SHIFT) & 3;
}

export function levelOf(info: number): number {
  return (info >>> LEVEL_SHIFT) & 3;
}

export function granuleCodeOf(info: number): number {
  return (info >>> GRANULE_SHIFT) & 3;
}
