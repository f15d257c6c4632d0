import type { Stage1Context, Stage1Half } from './context';

const TWO_32 = 0x1_0000_0000;
const TWO_52 = 2 ** 52;

/**
 * The 64-bit input address of the transaction at hand, taken apart without bigint arithmetic.
 * Reused.
 */
export class InputAddress {
  /** 0: TTB0, 1: TTB1. Set by `select`. */
  half = 0;
  /** Bits [51:0] of the canonical address: what TLB entries are known by. Set by `select`. */
  low52 = 0;
  /** Distance from the first address of the half: what the walk indexes with. Set by `select`. */
  offset = 0;
  private readonly whole = new BigUint64Array(1);
  private readonly parts = new Uint32Array(this.whole.buffer);

  set(address: bigint): void {
    this.whole[0] = address;
  }

  /** The address as a number: exact below 2^53, and never rounded across a power of two. */
  asNumber(): number {
    return this.parts[1]! * TWO_32 + this.parts[0]!;
  }

  /**
   * Chooses the half by VA[55] and checks the range: VA[AddrTop:64-TxSZ] must all equal VA[55],
   * AddrTop being 55 where the top byte is ignored (IHI 0070 §3.4.1). EL2 has one half, from 0
   * upwards.
   * @returns undefined when the address is in neither half's range.
   */
  select(context: Stage1Context): Stage1Half | undefined {
    const lo = this.parts[0]!;
    let hi = this.parts[1]!;
    const single = context.halves[1] === undefined;
    const upper = !single && (hi & 0x0080_0000) !== 0;
    const half = context.halves[upper ? 1 : 0]!;
    if (half.ignoresTopByte) hi = single ? hi & 0x00ff_ffff : ((hi << 8) >> 8) >>> 0;
    this.half = upper ? 1 : 0;
    if (upper) {
      const below = (~hi >>> 0) * TWO_32 + (~lo >>> 0);
      if (below >= half.inputLimit) return undefined;
      this.low52 = TWO_52 - 1 - below;
      this.offset = half.inputLimit - 1 - below;
    } else {
      const above = hi * TWO_32 + lo;
      if (above >= half.inputLimit) return undefined;
      this.low52 = above;
      this.offset = above;
    }
    return half;
  }
}
