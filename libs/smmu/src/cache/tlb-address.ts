import { PAGE_SIZES_LOG2 } from './page-sizes';

const TWO_32 = 2 ** 32;
const PER_TWO_32 = 2 ** -32;

/**
 * An input address as the caches know it: 52 bits in two integers, so that pages and table indexes
 * are shifts. Reused.
 */
export class TlbAddress {
  /** 0: TTB0 and stage 2, 1: TTB1. */
  half: 0 | 1 = 0;
  /** Bits [51:32]. */
  high = 0;
  /** Bits [31:0], signed. */
  low = 0;

  /** @param address below 2^52. */
  set(half: 0 | 1, address: number): void {
    this.half = half;
    this.high = (address * PER_TWO_32) | 0;
    this.low = address | 0;
  }

  /** The whole address. */
  address(): number {
    return (this.high >>> 0) * TWO_32 + (this.low >>> 0);
  }

  /** Bits [shift+31:shift], signed; `shift` is 12 to 51. */
  from(shift: number): number {
    if (shift >= 32) return this.high >> (shift - 32);
    return (this.high << (32 - shift)) | (this.low >>> shift);
  }

  /** The address inside its page of that size in PAGE_SIZES_LOG2. */
  offset(sizeIndex: number): number {
    const shift = PAGE_SIZES_LOG2[sizeIndex]!;
    if (shift < 32) return this.low & ((1 << shift) - 1);
    return (this.high & ((1 << (shift - 32)) - 1)) * TWO_32 + (this.low >>> 0);
  }
}
