/** Bits that may be set in each word of a record. */
type Form = readonly [bigint, bigint, bigint, bigint];

const ALL = 0xffff_ffff_ffff_ffffn;
/** Event number, SSV, SubstreamID, StreamID. */
const COMMON = ALL & ~(0b111n << 8n);
const REASON = 0x1_ffffn;
/** PnU, InD, RnW. */
const ACCESS = 0b111n << 33n;
const STAGE = 1n << 39n;
const CLASS = 0b11n << 40n;
const STALL = (1n << 31n) | 0xffffn;
const TTRNW = 1n << 44n;
const FETCH = 0x00ff_ffff_ffff_fff8n;
const IPA = 0x00ff_ffff_ffff_f000n;
const FAULT: Form = [COMMON, STALL | ACCESS | STAGE | CLASS, ALL, IPA];

/** IHI 0070 §7.3, the events that the modelled features raise. */
const FORMS = new Map<number, Form>([
  [0x02, [COMMON, 0n, 0n, 0n]],
  [0x03, [COMMON, REASON, 0n, FETCH]],
  [0x04, [COMMON, 0n, 0n, 0n]],
  // R, W, X, PRIV and Span.
  [0x05, [COMMON, (0xfn << 28n) | 0xffn, ALL, 0n]],
  [0x06, [COMMON, 0n, 0n, 0n]],
  [0x07, [COMMON, ACCESS, ALL, 0n]],
  [0x08, [COMMON & ~(1n << 11n), 0n, 0n, 0n]],
  [0x09, [COMMON, REASON, 0n, FETCH]],
  [0x0a, [COMMON, 0n, 0n, 0n]],
  [0x0b, [COMMON, REASON | ACCESS | STAGE | CLASS, ALL, FETCH]],
  [0x10, FAULT],
  [0x11, FAULT],
  [0x12, FAULT],
  [0x13, [COMMON, FAULT[1] | TTRNW, ALL, IPA]],
  [0x20, [COMMON, REASON | ACCESS | STAGE, ALL, IPA]],
  [0x21, [COMMON, REASON, 0n, 0n]],
]);

/** What is wrong with a record; `undefined` when it is one the architecture defines. */
export function malformed(words: readonly bigint[]): string | undefined {
  const [first = 0n, second = 0n, , fourth = 0n] = words;
  const number = Number(first & 0xffn);
  const form = FORMS.get(number);
  if (form === undefined || words.length !== 4) return `no such event: ${number}`;
  const stray = words.findIndex((word, i) => (word & ~form[i]! & ALL) !== 0n || word < 0n);
  if (stray >= 0) return `RES0 bits set in word ${stray}: ${words[stray]!.toString(16)}`;
  if (number < 0x0b) return undefined;
  const [write, instruction] = [(second & (1n << 35n)) === 0n, (second & (1n << 34n)) !== 0n];
  if (write && instruction) return 'InD of a write';
  if ((second & CLASS) === CLASS) return 'reserved CLASS';
  if (number >= 0x10 && number < 0x20 && (second & STAGE) === 0n && fourth !== 0n) {
    return 'IPA of a stage-1 fault';
  }
  if ((second & (1n << 31n)) === 0n && number >= 0x10 && (second & 0xffffn) !== 0n) {
    return 'STAG without Stall';
  }
  return undefined;
}
