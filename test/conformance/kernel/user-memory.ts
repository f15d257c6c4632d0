/** Bytes of one command of HWPT_INVALIDATE, or of a vSTE's two words. */
export const COMMAND_BYTES = 16;

/** Words as they lie in memory. */
export function bytes(of: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(of).buffer);
}

/** Entries of any length: short ones cut, long ones with a zero or a nonzero tail. */
export function laidOut(
  commands: readonly (readonly bigint[])[],
  length: number,
  tail: boolean,
): Uint8Array {
  const array = new Uint8Array(commands.length * length);
  commands.forEach((command, i) => {
    array.set(bytes(command).subarray(0, length), i * length);
    if (tail && length > COMMAND_BYTES) array[(i + 1) * length - 1] = 1;
  });
  return array;
}
