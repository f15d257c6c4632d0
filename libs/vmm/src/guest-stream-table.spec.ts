import { guestView, streamTable, TABLE } from './__fixtures__/guest-view';
import { readVste } from './guest-stream-table';

describe('readVste of a linear table', () => {
  const ram = streamTable({ 8: 0xbn }).set(TABLE + 8 * 64 + 8, 0x7n);

  it('reads words 0 and 1 at 64 bytes a StreamID', () => {
    expect(readVste(guestView({ ram }), 8)).toEqual([0xbn, 0x7n]);
    expect(readVste(guestView({ ram }), 9)).toEqual([0n, 0n]);
  });

  it('holds 2^LOG2SIZE StreamIDs', () => {
    expect(readVste(guestView({ ram }), 63)).toEqual([0n, 0n]);
    expect(readVste(guestView({ ram }), 64)).toBeUndefined();
  });

  it('is not read outside RAM', () => {
    const registers = { STRTAB_BASE: 2n ** 20n - 0x200n };
    expect(readVste(guestView({ registers }), 7)).toEqual([0n, 0n]);
    expect(readVste(guestView({ registers }), 8)).toBeUndefined();
  });
});

describe('readVste of a two-level table', () => {
  const LEAF = 0x4000;
  const SPLIT = 6;
  const two = (span: number, leaf = LEAF) =>
    guestView({
      // LOG2SIZE 10, SPLIT 6, FMT two-level.
      registers: { STRTAB_BASE_CFG: 10n | (BigInt(SPLIT) << 6n) | (1n << 16n) },
      ram: new Map([
        [TABLE + 8, BigInt(leaf) | BigInt(span)], // StreamIDs 64–127
        [LEAF + 3 * 64, 0xbn],
      ]),
    });

  it.each([3, 4, 7])('finds StreamID 67 with Span %i', (span) => {
    expect(readVste(two(span), 67)).toEqual([0xbn, 0n]);
  });

  it.each([
    [0, 64],
    [1, 65],
    [2, 67],
    [SPLIT + 2, 67],
    [12, 67],
    [31, 67],
  ])('with Span %i does not hold StreamID %i', (span, vsid) => {
    expect(readVste(two(span), vsid)).toBeUndefined();
  });

  it('with Span n holds the first 2^(n-1) of its StreamIDs', () => {
    for (let span = 1; span <= SPLIT + 1; span++) {
      const held = 2 ** (span - 1);
      expect(readVste(two(span), 64 + held - 1)).toBeDefined();
      if (held < 64) expect(readVste(two(span), 64 + held)).toBeUndefined();
    }
  });

  it('aligns L2Ptr to the size of its table, as hardware does', () => {
    expect(readVste(two(7, LEAF + 0x40), 67)).toEqual([0xbn, 0n]);
  });

  it('does not hold a StreamID beyond LOG2SIZE or under an invalid descriptor', () => {
    expect(readVste(two(7), 1024)).toBeUndefined();
    expect(readVste(two(7), 128)).toBeUndefined();
  });
});
