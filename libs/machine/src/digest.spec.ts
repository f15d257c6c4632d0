import fc from 'fast-check';
import { Digest } from './digest';

const hashOf = (text: string): string => new Digest().bytes(Buffer.from(text)).hex();

describe('Digest', () => {
  it.each([
    ['', '00000000000000000000000000000000'],
    ["I will not buy this tobacconist's, it is scratched.", '9b5b7ba2ef3f7866889adeaf00f3f98e'],
    ['The quick brown fox jumps over the lazy dog', '2f1583c3ecee2c675d7bf66ce5e91d2c'],
  ])('of "%s" is the published MurmurHash3 x86_128 value', (text, digest) => {
    expect(hashOf(text)).toBe(digest);
  });

  it('is the same however the bytes are split', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 80 }), (data, cut) => {
        const whole = new Digest().bytes(data).hex();
        const split = new Digest().bytes(data.subarray(0, cut)).bytes(data.subarray(cut)).hex();
        expect(split).toBe(whole);
      }),
    );
  });

  it('changes with any one bit', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.nat({ max: 7 }),
        (data, at, bit) => {
          const other = Uint8Array.from(data);
          other[at % data.length]! ^= 1 << bit;
          expect(new Digest().bytes(other).hex()).not.toBe(new Digest().bytes(data).hex());
        },
      ),
    );
  });

  it('tells apart texts and words that only together are the same bytes', () => {
    expect(new Digest().text('ab').text('c').hex()).not.toBe(
      new Digest().text('a').text('bc').hex(),
    );
    const one = new Digest().words(BigUint64Array.of(1n, 2n)).hex();
    const two = new Digest().words(BigUint64Array.of(1n)).words(BigUint64Array.of(2n)).hex();
    expect(one).not.toBe(two);
  });
});
