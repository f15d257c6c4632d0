import fc from 'fast-check';
import { AddressTranslationCache, type AtcSpan, type AtcTag } from './address-translation-cache';
import type { TranslationGranted } from './translation-request';

function granted(address: number, sizeLog2 = 12): TranslationGranted {
  return {
    kind: 'success',
    address,
    sizeLog2,
    readable: true,
    writable: false,
    executable: false,
    privileged: false,
    global: false,
    untranslatedOnly: false,
  };
}

const ALL: AtcSpan = { global: false, address: 0n, sizeLog2: 64 };

describe('an ATC', () => {
  it('answers for the whole region that was granted, and not beyond', () => {
    const atc = new AddressTranslationCache();
    atc.fill({}, 0x4020_1234n, granted(0x8000_1234, 21));
    expect(atc.lookup({}, 0x4020_0000n)?.output).toBe(0x8000_0000);
    expect(atc.lookup({}, 0x403f_ffffn)?.output).toBe(0x8000_0000);
    expect(atc.lookup({}, 0x4040_0000n)).toBeUndefined();
    expect(atc.lookup({}, 0x401f_ffffn)).toBeUndefined();
  });

  it('keeps apart what PASIDs and privileges were granted', () => {
    const atc = new AddressTranslationCache();
    const tags: AtcTag[] = [
      {},
      { substreamId: 0 },
      { substreamId: 1 },
      { substreamId: 1, privileged: true },
    ];
    tags.forEach((tag, n) => atc.fill(tag, 0x1000n, granted(n * 0x1000)));
    expect(tags.map((tag) => atc.lookup(tag, 0x1000n)?.output)).toEqual([
      0, 0x1000, 0x2000, 0x3000,
    ]);
    expect(atc.lookup({ privileged: true }, 0x1000n)).toBeUndefined();
  });

  it('distinguishes every byte of a 64-bit address, the top one included', () => {
    const atc = new AddressTranslationCache();
    atc.fill({}, 0xff00_0000_0000_1000n, granted(0x5000));
    expect(atc.lookup({}, 0x1000n)).toBeUndefined();
    expect(atc.invalidate({ global: false, address: 0x1000n, sizeLog2: 12 })).toBe(0);
    expect(atc.invalidate({ global: false, address: 0xff00_0000_0000_1000n, sizeLog2: 12 })).toBe(
      1,
    );
  });

  it.each([
    { span: {}, left: [] },
    { span: { substreamId: 1 }, left: [undefined, 2] },
    { span: { substreamId: 1, global: true }, left: [undefined] },
    { span: { substreamId: 7 }, left: [undefined, 1, 2] },
  ])('loses to an invalidation with $span what its PASID names', ({ span, left }) => {
    const atc = new AddressTranslationCache();
    for (const tag of [{}, { substreamId: 1 }, { substreamId: 2 }]) atc.fill(tag, 0n, granted(0));
    atc.invalidate({ ...ALL, ...span });
    const held = [undefined, 1, 2].filter(
      (pasid) => atc.lookup(pasid === undefined ? {} : { substreamId: pasid }, 0n) !== undefined,
    );
    expect(held).toEqual(left);
    expect(atc.count).toBe(left.length);
  });

  it('loses exactly the entries that an aligned span touches', () => {
    const address = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const nearby = fc.bigInt({ min: 0n, max: 1n << 24n });
    const size = fc.constantFrom(12, 14, 16, 21, 25, 30);
    const spanSize = fc.integer({ min: 12, max: 64 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(address, nearby), size), { maxLength: 12 }),
        fc.oneof(address, nearby),
        spanSize,
        (fills, at, sizeLog2) => {
          const atc = new AddressTranslationCache();
          const regions = new Map<string, { base: bigint; size: number }>();
          for (const [input, log2] of fills) {
            const base = (input >> BigInt(log2)) << BigInt(log2);
            atc.fill({}, input, granted(Number(BigInt.asUintN(log2, input)), log2));
            regions.set(`${base}/${log2}`, { base, size: log2 });
          }
          expect(atc.count).toBe(regions.size);
          const first = (at >> BigInt(sizeLog2)) << BigInt(sizeLog2);
          const last = first + (1n << BigInt(sizeLog2)) - 1n;
          const touched = [...regions.values()].filter(
            (r) => r.base <= last && r.base + (1n << BigInt(r.size)) - 1n >= first,
          );
          expect(atc.invalidate({ global: false, address: at, sizeLog2 })).toBe(touched.length);
          expect(atc.count).toBe(regions.size - touched.length);
        },
      ),
      { seed: 20261124, numRuns: 400 },
    );
  });
});
