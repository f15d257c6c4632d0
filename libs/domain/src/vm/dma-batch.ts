/**
 * A batch of DMA accesses as 64-bit words, three a piece: what was asked, where, and – when the access
 * comes from a recording or a scenario – what it must end in. An expectation in the log lets an auditor
 * recompute every match from the log alone.
 *
 * word 0: [15:0] index into the batch's device list, [31:16] index into the device's StreamIDs,
 *         [32] write, [34:33] expectation (0 none, 1 ok, 2 abort), [35] readable, [36] writable,
 *         [37] with a PASID, [57:38] the PASID
 * word 1: IOVA
 * word 2: expected IPA (expectation ok)
 */
export interface DmaAccess {
  readonly device: number;
  readonly stream: number;
  readonly write: boolean;
  readonly iova: bigint;
  /** Absent: the access carries none. */
  readonly pasid?: number | undefined;
  readonly expect?: DmaExpectation | undefined;
}

export type DmaExpectation =
  | {
      readonly kind: 'ok';
      /** Guest address (IPA) at which the access must end, whatever PA backs it. */
      readonly ipa: number;
      readonly readable: boolean;
      readonly writable: boolean;
    }
  | { readonly kind: 'abort' };

export const DMA_WORDS = 3;

/** Places in bits [63:32] of word 0. */
const WRITE = 1 << 0;
const EXPECTS_SHIFT = 1;
const READABLE = 1 << 3;
const WRITABLE = 1 << 4;
const HAS_PASID = 1 << 5;
const PASID_SHIFT = 6;

export function encodeDma(accesses: readonly DmaAccess[]): BigUint64Array {
  const words = new BigUint64Array(accesses.length * DMA_WORDS);
  accesses.forEach((a, i) => {
    const kind = a.expect === undefined ? 0 : a.expect.kind === 'ok' ? 1 : 2;
    const ok = a.expect?.kind === 'ok' ? a.expect : undefined;
    const flags =
      (a.write ? WRITE : 0) |
      (kind << EXPECTS_SHIFT) |
      (ok?.readable === true ? READABLE : 0) |
      (ok?.writable === true ? WRITABLE : 0) |
      (a.pasid === undefined ? 0 : HAS_PASID | (a.pasid << PASID_SHIFT));
    words[i * DMA_WORDS] = BigInt(a.device) | (BigInt(a.stream) << 16n) | (BigInt(flags) << 32n);
    words[i * DMA_WORDS + 1] = a.iova;
    words[i * DMA_WORDS + 2] = BigInt(ok?.ipa ?? 0);
  });
  return words;
}

export function decodeDma(words: BigUint64Array): DmaAccess[] {
  const accesses: DmaAccess[] = [];
  for (let at = 0; at + DMA_WORDS <= words.length; at += DMA_WORDS) {
    const what = words[at]!;
    const names = Number(BigInt.asUintN(32, what));
    const flags = Number(BigInt.asUintN(32, what >> 32n));
    accesses.push({
      device: names & 0xffff,
      stream: names >>> 16,
      write: (flags & WRITE) !== 0,
      iova: words[at + 1]!,
      pasid: (flags & HAS_PASID) === 0 ? undefined : (flags >>> PASID_SHIFT) & 0xfffff,
      expect: expectationOf(flags, words[at + 2]!),
    });
  }
  return accesses;
}

const ABORT: DmaExpectation = { kind: 'abort' };

function expectationOf(flags: number, ipa: bigint): DmaExpectation | undefined {
  const kind = (flags >>> EXPECTS_SHIFT) & 3;
  if (kind === 0) return undefined;
  if (kind === 2) return ABORT;
  const readable = (flags & READABLE) !== 0;
  const writable = (flags & WRITABLE) !== 0;
  return { kind: 'ok', ipa: Number(ipa), readable, writable };
}
