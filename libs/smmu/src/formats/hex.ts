/** A 64-bit word as people and JSON see it: `0x` and sixteen lower-case digits. */
export function hex64(word: bigint): string {
  return `0x${BigInt.asUintN(64, word).toString(16).padStart(16, '0')}`;
}
