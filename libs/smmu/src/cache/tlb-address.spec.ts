import fc from 'fast-check';
import { PAGE_BYTES, PAGE_SIZES_LOG2 } from './page-sizes';
import { TlbAddress } from './tlb-address';

const address = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 52 - 1 }),
  fc.integer({ min: 12, max: 51 }).map((bit) => 2 ** bit),
  fc.integer({ min: 12, max: 51 }).map((bit) => 2 ** bit - 1),
);

describe('an address in two words', () => {
  it('gives the bits from any place up, and its offset in a page of any size', () => {
    const at = new TlbAddress();
    fc.assert(
      fc.property(address, fc.integer({ min: 12, max: 51 }), (value, shift) => {
        at.set(1, value);
        expect(BigInt.asUintN(32, BigInt(at.from(shift)))).toBe(
          BigInt.asUintN(32, BigInt(value) >> BigInt(shift)),
        );
        for (const [sizeIndex] of PAGE_SIZES_LOG2.entries()) {
          expect(at.offset(sizeIndex)).toBe(value % PAGE_BYTES[sizeIndex]!);
        }
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
