import fc from 'fast-check';
import type { Stage1Context, Stage1Half } from './context';
import { InputAddress } from './input-address';

function half(txsz: number, tbi: boolean): Stage1Half {
  return { inputBits: 64 - txsz, ignoresTopByte: tbi } as Stage1Half;
}

function context(first: Stage1Half, second: Stage1Half | undefined): Stage1Context {
  return { halves: [first, second] } as unknown as Stage1Context;
}

/** The rule as the architecture words it, on the bits (IHI 0070 §3.4.1). */
function halfOf(address: bigint, txsz: number, tbi: boolean): number | undefined {
  const upper = (address >> 55n) & 1n;
  const top = tbi ? 55n : 63n;
  const inputBits = BigInt(64 - txsz);
  for (let n = inputBits; n <= top; n++) if (((address >> n) & 1n) !== upper) return undefined;
  return Number(upper);
}

function low52({ at }: InputAddress): bigint {
  return (BigInt(at.high) << 32n) | BigInt(at.low >>> 0);
}

describe('the input address', () => {
  const edge = fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.constantFrom(-1n, 0n, 1n), fc.boolean())
    .map(([n, d, negative]) => BigInt.asUintN(64, (negative ? -1n : 1n) * (1n << BigInt(n)) + d));
  const address = fc.oneof(edge, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

  it('is told its half, or refused, as its bits say', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 12, max: 39 }), fc.boolean(), (value, txsz, tbi) => {
        const input = new InputAddress();
        input.set(value);
        const h = half(txsz, tbi);
        const selected = input.select(context(h, half(txsz, tbi)));
        const expected = halfOf(value, txsz, tbi);
        expect(selected !== undefined).toBe(expected !== undefined);
        if (expected === undefined) return;
        expect(input.at.half).toBe(expected);
        expect(low52(input)).toBe(value & ((1n << 52n) - 1n));
      }),
      { numRuns: 1000 },
    );
  });

  it('ends each half where its TxSZ says', () => {
    const input = new InputAddress();
    for (let txsz = 12; txsz <= 39; txsz++) {
      const size = 1n << BigInt(64 - txsz);
      const both = context(half(txsz, false), half(txsz, false));
      const inside = (address: bigint): boolean => {
        input.set(BigInt.asUintN(64, address));
        return input.select(both) !== undefined;
      };
      expect([size - 1n, size, -size - 1n, -size].map(inside)).toEqual([true, false, false, true]);
    }
  });

  it('takes TBI from the half it selects', () => {
    const input = new InputAddress();
    const onlyUpper = context(half(16, false), half(16, true));
    input.set(0x12ff_ffff_ffff_f000n);
    expect(input.select(onlyUpper)).toBeDefined();
    input.set(0x1200_0000_0000_0000n);
    expect(input.select(onlyUpper)).toBeUndefined();
  });

  it('has one half in EL2, from 0 upwards', () => {
    const input = new InputAddress();
    input.set(0xffff_ffff_ffff_f000n);
    expect(input.select(context(half(16, false), undefined))).toBeUndefined();
    input.set(0x12_00_8000_0000_0000n);
    expect(input.select(context(half(16, false), undefined))).toBeUndefined();
    input.set(0x1200_8000_0000_0000n);
    expect(input.select(context(half(16, true), undefined))).toBeDefined();
    expect(low52(input)).toBe(0x8000_0000_0000n);
  });
});
