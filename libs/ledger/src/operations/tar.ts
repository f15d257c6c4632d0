// The part of the ustar format (POSIX.1-1988) that a bundle needs: regular files with plain names.
// All numbers are octal digits. Offsets and lengths are in bytes.

/** Headers and contents fill blocks of this size, in bytes. */
export const BLOCK = 512;
/** Largest file whose size the header has digits for, in bytes. */
export const FILE_BYTES_MAX = 8 ** 11 - 1;

const NAME = { at: 0, length: 100 };
const MODE = { at: 100, length: 8 };
const SIZE = { at: 124, length: 12 };
const CHECKSUM = { at: 148, length: 8 };
const TYPE_AT = 156;
const MAGIC = { at: 257, text: 'ustar\u000000' };
const REGULAR_FILE = 0x30; // '0'

/** What a header says of the file that follows it. */
export interface TarEntry {
  readonly name: string;
  readonly bytes: number;
}

/** @throws RangeError for a file that is too large. */
export function tarHeader({ name, bytes }: TarEntry): Buffer {
  if (bytes > FILE_BYTES_MAX)
    throw new RangeError(`${name} is larger than ${FILE_BYTES_MAX} bytes`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, NAME.at, NAME.length, 'latin1');
  putOctal(block, MODE, 0o644);
  putOctal(block, SIZE, bytes);
  block[TYPE_AT] = REGULAR_FILE;
  block.write(MAGIC.text, MAGIC.at, 'latin1');
  putOctal(block, { at: CHECKSUM.at, length: 7 }, checksum(block));
  block[CHECKSUM.at + 7] = 0x20;
  return block;
}

/** The entry a block announces; undefined for anything but a regular file with a sound header. */
export function readTarHeader(block: Buffer): TarEntry | undefined {
  const sum = octal(block, CHECKSUM);
  const bytes = octal(block, SIZE);
  if (sum !== checksum(block) || bytes === undefined) return undefined;
  if (block[TYPE_AT] !== REGULAR_FILE) return undefined;
  return { name: text(block, NAME), bytes };
}

/** Bytes that fill up the last block of a file. */
export function paddingOf(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}

interface Span {
  readonly at: number;
  readonly length: number;
}

/** Sum of all bytes, the checksum's own counted as blanks. */
function checksum(block: Buffer): number {
  const from = CHECKSUM.at;
  const to = from + CHECKSUM.length;
  return block.reduce((sum, byte, i) => sum + (i >= from && i < to ? 0x20 : byte), 0);
}

function putOctal(block: Buffer, { at, length }: Span, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
}

function octal(block: Buffer, span: Span): number | undefined {
  const digits = text(block, span).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : undefined;
}

function text(block: Buffer, { at, length }: Span): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}
