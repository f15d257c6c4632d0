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

/** Attributes as one number of ten bits, MAIR byte above shareability: what TLB entries hold. */
export type AttributesCode = number;

/** Bits of an AttributesCode. */
export const ATTRIBUTES_BITS = 10;

const SHAREABILITY_BITS = 2;

/** The code of a MAIR byte and a shareability; neither is checked. */
export function codeOf(attr: number, shareability: number): AttributesCode {
  return (attr << SHAREABILITY_BITS) | shareability;
}

export function attrOf(code: AttributesCode): number {
  return code >> SHAREABILITY_BITS;
}

export function shareabilityOf(code: AttributesCode): number {
  return code & 3;
}

/** One object for each code, so that an outcome can name attributes without allocating them. */
const ATTRIBUTES: readonly MemoryAttributes[] = Array.from(
  { length: 1 << ATTRIBUTES_BITS },
  (_, code) => Object.freeze({ attr: attrOf(code), shareability: shareabilityOf(code) }),
);

/** The attributes that a code stands for: the same frozen object every time. */
export function memoryAttributes(code: AttributesCode): MemoryAttributes {
  return ATTRIBUTES[code]!;
}
