/** Bits [hi:lo] of a word, or of a structure of 64-bit words in the architecture's numbering. */
export function bits(words: bigint | readonly bigint[], hi: number, lo: number): number {
  return Number(bigBits(words, hi, lo));
}

/** The same for what may be wider than a number holds exactly. */
export function bigBits(words: bigint | readonly bigint[], hi: number, lo: number): bigint {
  const word = typeof words === 'bigint' ? words : (words[lo >> 6] ?? 0n);
  return BigInt.asUintN(hi - lo + 1, word >> BigInt(lo & 63));
}

/** Whether bit `n` is set. */
export function bit(words: bigint | readonly bigint[], n: number): boolean {
  return bits(words, n, n) === 1;
}

/** An address field [hi:lo] of one word: its bits stay where they are. */
export function addressBits(
  words: bigint | readonly bigint[],
  hi: number,
  lo: number,
  at: number,
): bigint {
  return bigBits(words, hi, lo) << BigInt(at);
}

/** 2^n. */
export function power(n: number): bigint {
  return 1n << BigInt(n);
}

/** The multiple of 2^n at or below an address. */
export function alignDown(address: bigint, n: number): bigint {
  return (address >> BigInt(n)) << BigInt(n);
}

/** A 64-bit word with its bytes in the other order. */
export function swapBytes(word: bigint): bigint {
  let swapped = 0n;
  for (let byte = 0n; byte < 64n; byte += 8n) {
    swapped = (swapped << 8n) | ((word >> byte) & 0xffn);
  }
  return swapped;
}
