/** Memory attributes of a transaction as they leave the SMMU (IHI 0070 §13.1.1). */
export interface MemoryAttributes {
  /**
   * Memory type with allocation and transient hints, 8 bits, in the encoding of a MAIR byte (DDI
   * 0487 MAIR_ELx): 0x00 Device-nGnRnE … 0x0c Device-GRE, 0x44 Normal Non-cacheable, 0xff Normal
   * Write-Back with allocation on reads and writes. Reserved encodings do not occur.
   */
  readonly attr: number;
  /** 0 Non-shareable, 2 Outer Shareable, 3 Inner Shareable. */
  readonly shareability: number;
}

/**
 * Attributes as one number: shareability, above it the MAIR byte, above that INNER_FORCED and
 * OUTER_FORCED. It is what TLB entries hold.
 */
export type AttributesCode = number;

/**
 * The level was made cacheable by S2FWB from a type without hints: those of the input, which come
 * before stage 2, never reached it.
 */
export const INNER_FORCED = 1 << 10;
export const OUTER_FORCED = 1 << 11;

const SHAREABILITY_BITS = 2;

/** The code of a MAIR byte and a shareability; neither is checked. */
export function codeOf(attr: number, shareability: number): AttributesCode {
  return (attr << SHAREABILITY_BITS) | shareability;
}

export function attrOf(code: AttributesCode): number {
  return (code >> SHAREABILITY_BITS) & 0xff;
}

export function shareabilityOf(code: AttributesCode): number {
  return code & 3;
}

/** One object for each pair, so that an outcome can name attributes without allocating them. */
const PAIRS: readonly MemoryAttributes[] = Array.from({ length: INNER_FORCED }, (_, code) =>
  Object.freeze({ attr: attrOf(code), shareability: shareabilityOf(code) }),
);
/** The same for each code. */
const ATTRIBUTES: readonly MemoryAttributes[] = [...PAIRS, ...PAIRS, ...PAIRS, ...PAIRS];

/** The attributes that a code stands for: the same frozen object every time. */
export function memoryAttributes(code: AttributesCode): MemoryAttributes {
  return ATTRIBUTES[code]!;
}
