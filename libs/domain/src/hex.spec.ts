import fc from 'fast-check';
import { addressOf, fromHex, toHex } from './hex';

describe('hex values', () => {
  it('go there and back over all 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(toHex(value)).toMatch(/^0x(0|[1-9a-f][0-9a-f]*)$/);
        expect(fromHex(toHex(value))).toBe(value);
      }),
    );
  });

  it('are refused when negative or wider', () => {
    expect(() => toHex(-1n)).toThrow(RangeError);
    expect(() => toHex(2n ** 64n)).toThrow(RangeError);
  });

  it('are addresses only below 2^53', () => {
    expect(addressOf('0x1fffffffffffff')).toBe(2 ** 53 - 1);
    expect(() => addressOf('0x20000000000000')).toThrow(RangeError);
  });
});
