import type { PageRange, Recording } from '@steward/guest';
import fc from 'fast-check';
import { HOST_MAP, layOutRam } from './ram-layout';
import { seededRandom } from './random';

const MIB2 = 2 ** 21;

const recording = (memory: readonly PageRange[]): Recording => ({
  source: { trace: 't', guest: 'g', kernelOptions: '' },
  smmu: { idr: [0, 0, 0, 0, 0, 0], iidr: 0, aidr: 0 },
  playable: true,
  streams: [],
  memory,
  doorbells: [],
  inferred: {},
  steps: [],
});

const pages = fc
  .array(fc.record({ at: fc.nat({ max: 60_000 }), count: fc.integer({ min: 1, max: 64 }) }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((runs) =>
    runs.map(({ at, count }) => ({ base: 0x4000_0000 + at * 4096, size: count * 4096 })),
  );
const recordings = fc.array(pages.map(recording), { minLength: 1, maxLength: 4 });

function layout(guests: readonly Recording[], seed: number) {
  const { guests: ranges, size } = layOutRam(guests, seededRandom(seed));
  const numbers = ranges.map((rs) =>
    rs.map((r) => ({ ipa: Number(r.ipa), size: Number(r.size), pa: Number(r.pa) })),
  );
  return { guests: numbers, size };
}

describe('layOutRam', () => {
  it('gives no byte of host memory twice, and none outside guest RAM', () => {
    fc.assert(
      fc.property(recordings, fc.nat(), (guests, seed) => {
        const { guests: ranges, size } = layout(guests, seed);
        const all = ranges.flat().sort((a, b) => a.pa - b.pa);
        let end: number = HOST_MAP.guestRam;
        for (const range of all) {
          expect(range.pa).toBeGreaterThanOrEqual(end);
          end = range.pa + range.size;
        }
        expect(end).toBeLessThanOrEqual(HOST_MAP.guestRam + size);
      }),
    );
  });

  it('covers every page a recording touches, without a gap in IPA order', () => {
    fc.assert(
      fc.property(recordings, fc.nat(), (guests, seed) => {
        layout(guests, seed).guests.forEach((ranges, i) => {
          const first = ranges[0]!.ipa;
          const end = ranges.reduce((at, range) => {
            expect(range.ipa).toBe(at);
            return at + range.size;
          }, first);
          for (const { base, size } of guests[i]!.memory) {
            expect(base >= first && base + size <= end).toBe(true);
          }
        });
      }),
    );
  });

  it('lets stage 2 use both page sizes: the first piece is off 2 MiB alignment, the others on it', () => {
    fc.assert(
      fc.property(recordings, fc.nat(), (guests, seed) => {
        for (const [first, ...rest] of layout(guests, seed).guests) {
          expect(first!.pa % MIB2).toBe(4096);
          for (const { ipa, pa } of rest) expect([ipa % MIB2, pa % MIB2]).toEqual([0, 0]);
        }
      }),
    );
  });

  it('is the same for the same seed', () => {
    const guests = [recording([{ base: 0x4000_0000, size: 256 * 2 ** 20 }])];
    expect(layout(guests, 1)).toEqual(layout(guests, 1));
    expect(layout(guests, 2)).not.toEqual(layout(guests, 1));
  });
});
