import { TlbAddress } from '../cache/tlb-address';
import type { Stage1Context, Stage1Half } from './context';

const TWO_32 = 0x1_0000_0000;
/** VA[55], in the upper word. */
const HALF = 1 << 23;
/** VA[51:32], in the upper word. */
const BELOW_52 = (1 << 20) - 1;

/**
 * The 64-bit input address of the transaction at hand, taken apart without bigint arithmetic.
 * Reused.
 */
export class InputAddress {
  /** Half and bits [51:0] of the canonical address: what TLB entries are known by. Set by `select`. */
  readonly at = new TlbAddress();
  private readonly whole = new BigUint64Array(1);
  private readonly parts = new Int32Array(this.whole.buffer);

  set(address: bigint): void {
    this.whole[0] = address;
  }

  /** The address as a number: exact below 2^53, and never rounded across a power of two. */
  asNumber(): number {
    return (this.parts[1]! >>> 0) * TWO_32 + (this.parts[0]! >>> 0);
  }

  /** Puts all of the address into `at`, as one of stage 2. */
  copyTo(at: TlbAddress): void {
    at.half = 0;
    at.high = this.parts[1]!;
    at.low = this.parts[0]!;
  }

  /**
   * Chooses the half by VA[55] and checks the range: VA[AddrTop:64-TxSZ] must all equal VA[55],
   * AddrTop being 55 where the top byte is ignored (IHI 0070 §3.4.1). EL2 has one half, from 0
   * upwards.
   * @returns undefined when the address is in neither half's range.
   */
  select(context: Stage1Context): Stage1Half | undefined {
    const { at } = this;
    // Taking the tuple apart in one pattern would run an iterator on every access.
    const first = context.halves[0];
    const second = context.halves[1];
    at.low = this.parts[0]!;
    const high = this.parts[1]!;
    if (second === undefined || (high & HALF) === 0) {
      const kept = first.ignoresTopByte ? high & 0x00ff_ffff : high;
      at.half = 0;
      at.high = kept & BELOW_52;
      return isBelow(first.inputBits, kept, at.low) ? first : undefined;
    }
    const kept = second.ignoresTopByte ? (high << 8) >> 8 : high;
    at.half = 1;
    at.high = kept & BELOW_52;
    return isBelow(second.inputBits, ~kept, ~at.low) ? second : undefined;
  }
}

/** Whether an address is below 2^bits, `bits` being 25 to 52. */
function isBelow(bits: number, high: number, low: number): boolean {
  if (bits >= 32) return high >>> (bits - 32) === 0;
  return high === 0 && low >>> bits === 0;
}
