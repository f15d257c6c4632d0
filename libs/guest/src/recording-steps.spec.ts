import fc from 'fast-check';
import { INFERENCES, RecordingError, type RecordingStep } from './recording';
import { formatStep, parseStep } from './recording-steps';

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const address = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const vsid = fc.nat({ max: 0xffff });
const words = (count: number) => fc.array(word, { minLength: count, maxLength: count });

const step: fc.Arbitrary<RecordingStep> = fc.oneof(
  fc.record({
    kind: fc.constant('register' as const),
    name: fc.constantFrom('CR0' as const, 'STRTAB_BASE' as const, 'EVENTQ_CONS' as const),
    value: word,
  }),
  fc.record({
    kind: fc.constant('write' as const),
    ipa: fc.nat({ max: 2 ** 49 }).map((n) => n * 8),
    word,
    inferred: fc.constantFrom(...INFERENCES),
  }),
  fc.record({
    kind: fc.constant('commands' as const),
    words: fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('dma' as const),
    vsid,
    iova: word,
    write: fc.boolean(),
    expect: fc.oneof(
      fc.constant({ kind: 'abort' as const }),
      fc
        .record({ kind: fc.constant('ok' as const), ipa: address })
        .chain((ok) =>
          fc
            .constantFrom(
              { readable: true, writable: false },
              { readable: false, writable: true },
              { readable: true, writable: true },
            )
            .map((permission) => ({ ...ok, ...permission })),
        ),
    ),
  }),
  fc.record({
    kind: fc.constant('phase-end' as const),
    name: fc.stringMatching(/^[A-Za-z0-9_-]+$/),
    stes: fc.array(fc.tuple(vsid, words(8)), { maxLength: 4 }).map((list) => new Map(list)),
  }),
);

describe('the text of a recording step', () => {
  it('gives the step back', () => {
    fc.assert(
      fc.property(step, (value) => {
        expect(parseStep(formatStep(value), 'steps[0]')).toEqual(value);
      }),
    );
  });

  it('is one line with blanks only between its parts', () => {
    fc.assert(
      fc.property(step, (value) => {
        expect(formatStep(value)).toMatch(/^[rwcdp]( \S+)*$/);
      }),
    );
  });

  it.each([
    ['', 'a step begins with r, w, c, d or p'],
    ['x 0x1', 'a step begins with r, w, c, d or p'],
    ['r CR9 0x1', 'the name of an SMMU register'],
    ['r CR0', 'r REGISTER VALUE'],
    ['w 0x1004 0x1 pte', 'an 8-byte aligned IPA'],
    ['w 0x1000 1 pte', 'a 64-bit word like 0x1f'],
    ['w 0x1000 0x1 guess', 'one of l1std'],
    ['w 0x1000 0x11111111111111111 pte', 'a 64-bit word'],
    ['c', 'c WORD0:WORD1'],
    ['c 0x1', 'the two words of a command'],
    ['d 0x8 0x1000 x abort', 'd VSID IOVA r|w'],
    ['d 0x8 0x1000 r 0x2000', 'where the access ended'],
    ['d 0x8 0x1000 r 0x2000 x', 'a permission r, w or rw'],
    ['d 0x8 0x1000 r 0xffffffffffffffff rw', 'an address below 2^53'],
    ['p', 'p PHASE'],
    ['p boot 0x8=0x1:0x2', 'the 8 words of an STE, not 2'],
  ])('refuses "%s" and says what was expected', (text, expected) => {
    const parse = () => parseStep(text, 'steps[7]');
    expect(parse).toThrow(RecordingError);
    expect(parse).toThrow(`steps[7]: ${expected}`);
  });
});
