import fc from 'fast-check';
import { decodeDma, DMA_WORDS, encodeDma } from './dma-batch';
import type { DmaAccess } from './dma-batch';

const expectation = fc.oneof(
  fc.record({
    kind: fc.constant('ok' as const),
    ipa: fc.maxSafeNat(),
    readable: fc.boolean(),
    writable: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('abort' as const) }),
);
const access = fc.record(
  {
    device: fc.nat({ max: 0xffff }),
    stream: fc.nat({ max: 0xffff }),
    write: fc.boolean(),
    iova: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    expect: expectation,
  },
  { requiredKeys: ['device', 'stream', 'write', 'iova'] },
) as fc.Arbitrary<DmaAccess>;

describe('a DMA batch', () => {
  it('decodes to what was encoded, whatever it was', () => {
    fc.assert(
      fc.property(fc.array(access), (accesses) => {
        const words = encodeDma(accesses);
        expect(words.length).toBe(accesses.length * DMA_WORDS);
        expect(decodeDma(words)).toEqual(accesses);
      }),
    );
  });

  it('lies in words as documented', () => {
    const words = encodeDma([
      {
        device: 2,
        stream: 3,
        write: true,
        iova: 0xffn,
        expect: { kind: 'ok', ipa: 0x1000, readable: false, writable: true },
      },
    ]);
    expect([...words]).toEqual([
      2n | (3n << 16n) | (1n << 32n) | (1n << 33n) | (1n << 36n),
      0xffn,
      0x1000n,
    ]);
  });
});
