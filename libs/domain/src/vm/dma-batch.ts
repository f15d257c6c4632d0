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
  readonly pasid?: number;
  readonly expect?: DmaExpectation;
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

export function encodeDma(accesses: readonly DmaAccess[]): BigUint64Array {
  const words = new BigUint64Array(accesses.length * DMA_WORDS);
  accesses.forEach((a, i) => {
    const kind = a.expect === undefined ? 0 : a.expect.kind === 'ok' ? 1 : 2;
    const ok = a.expect?.kind === 'ok' ? a.expect : undefined;
    words[i * DMA_WORDS] =
      BigInt(a.device) |
      (BigInt(a.stream) << 16n) |
      (BigInt(a.write) << 32n) |
      (BigInt(kind) << 33n) |
      (BigInt(ok?.readable ?? false) << 35n) |
      (BigInt(ok?.writable ?? false) << 36n) |
      (BigInt(a.pasid !== undefined) << 37n) |
      (BigInt(a.pasid ?? 0) << 38n);
    words[i * DMA_WORDS + 1] = a.iova;
    words[i * DMA_WORDS + 2] = BigInt(ok?.ipa ?? 0);
  });
  return words;
}

export function decodeDma(words: BigUint64Array): DmaAccess[] {
  return Array.from({ length: words.length / DMA_WORDS }, (_, i) => {
    const what = words[i * DMA_WORDS] ?? 0n;
    const access = {
      device: Number(what & 0xffffn),
      stream: Number((what >> 16n) & 0xffffn),
      write: ((what >> 32n) & 1n) === 1n,
      iova: words[i * DMA_WORDS + 1] ?? 0n,
      ...(((what >> 37n) & 1n) === 1n && { pasid: Number((what >> 38n) & 0xfffffn) }),
    };
    const kind = (what >> 33n) & 3n;
    if (kind === 0n) return access;
    if (kind === 2n) return { ...access, expect: { kind: 'abort' } };
    const ipa = Number(words[i * DMA_WORDS + 2]);
    const readable = ((what >> 35n) & 1n) === 1n;
    const writable = ((what >> 36n) & 1n) === 1n;
    return { ...access, expect: { kind: 'ok', ipa, readable, writable } };
  });
}
