import { STE } from '@steward/smmu';
import { intentOf } from './canonical-vste';

const word0 = (config: bigint, v = 1n) => v | (config << 1n);

describe('intentOf', () => {
  it.each([
    [0n, 'abort'],
    [1n, 'abort'],
    [2n, 'abort'],
    [3n, 'abort'],
    [4n, 'bypass'],
    [5n, 'offer'],
    [6n, 'offer'],
    [7n, 'offer'],
  ])('of Config %s is %s', (config, kind) => {
    expect(intentOf([word0(config), 0n]).kind).toBe(kind);
    expect(intentOf([word0(config, 0n), 0n]).kind).toBe('abort');
  });

  it('offers exactly the fields that mean something to an S1-only guest', () => {
    const ones = 2n ** 64n - 1n;
    const intent = intentOf([ones & ~STE.encode({ Config: 2n })[0]!, ones]);
    expect(intent).toEqual({
      kind: 'offer',
      vste: [
        // V, Config, S1Fmt, S1ContextPtr[55:6], S1CDMax (IHI 0070 §5.2).
        0xf8ff_ffff_ffff_fffbn,
        // S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS.
        0x3800_00ffn,
      ],
    });
  });
});
