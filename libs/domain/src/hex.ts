/** A 64-bit value in a JSON payload: `0x` and lower-case hex digits, no padding. */
export type Hex = `0x${string}`;

/** @throws RangeError when the value is negative or wider than 64 bits. */
export function toHex(value: bigint | number): Hex {
  const word = BigInt(value);
  if (word < 0n || word >> 64n !== 0n) throw new RangeError(`${word} is not a 64-bit value`);
  return `0x${word.toString(16)}`;
}

export function fromHex(hex: Hex): bigint {
  return BigInt(hex);
}

/** Physical addresses, IPAs and sizes lie below 2^52, the widest the architecture has without D128. */
const ADDRESS_LIMIT = 1n << 52n;

/** The first of the values that is no address or size below 2^52, if there is one. */
export function tooWide(...values: readonly Hex[]): Hex | undefined {
  return values.find((value) => fromHex(value) >= ADDRESS_LIMIT);
}

/** An address or size as a plain number, exact below 2^53. @throws RangeError above. */
export function addressOf(hex: Hex): number {
  const value = Number(hex);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${hex} is not an address below 2^53`);
  return value;
}
