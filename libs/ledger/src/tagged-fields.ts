// One byte before each field says what it is.
const TEXT = 0x54; // T
const BLOB = 0x42; // B
const INTEGER = 0x49; // I
const NULL = 0x4e; // N

/** Bytes of an integer field, tag included. */
export const INTEGER_BYTES = 9;
/** Bytes before the content of a text or blob field: tag and length. */
export const HEADER_BYTES = 5;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const UTF8_BYTES_MAX = 3;
const HIGH_HALF = 2 ** 32;
/** Text up to this length is written a code unit at a time. */
const SHORT = 32;
const ASCII_MAX = 0x7f;

/**
 * Writes columns one after the other, each as one tag byte and
 * - `T` text, `B` blob: length in bytes (32 bits, big-endian), the bytes;
 * - `I` integer: 64 bits, two's complement, big-endian;
 * - `N` NULL: nothing more.
 *
 * Lengths and tags make the encoding injective: moving a byte from one column to the next changes
 * it.
 */
export class FieldWriter {
  private used = 0;

  /** @param buffer where to write; replaced by a larger one when it is full. */
  constructor(private buffer: Buffer) {}

  /** Where the next field will stand. */
  get length(): number {
    return this.used;
  }

  /** The memory written to, of which the first `length` bytes count. */
  get memory(): Buffer {
    return this.buffer;
  }

  /** What was written, sharing this writer's memory. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.used);
  }

  /** Text that is the same in every message, without tag or length. */
  literal(ascii: string): void {
    this.reserve(ascii.length);
    this.used += this.buffer.write(ascii, this.used, 'latin1');
  }

  /**
   * A number that is no safe integer can only come from a tampered column; it is written as 0, and
   * its row is refused elsewhere.
   */
  integer(value: number): void {
    this.reserve(INTEGER_BYTES);
    this.buffer[this.used] = INTEGER;
    putInteger(this.buffer, this.used, Number.isSafeInteger(value) ? value : 0);
    this.used += INTEGER_BYTES;
  }

  text(value: string | Uint8Array | null): void {
    if (typeof value !== 'string') {
      this.run(TEXT, value);
      return;
    }
    this.reserve(HEADER_BYTES + value.length * UTF8_BYTES_MAX);
    const at = this.used + HEADER_BYTES;
    const isShort = value.length <= SHORT && this.writeAscii(value, at);
    const length = isShort ? value.length : this.buffer.write(value, at, 'utf8');
    this.header(TEXT, length);
    this.used += length;
  }

  /** Writes a short text without leaving JavaScript, in half the time; false when it is not ASCII. */
  private writeAscii(value: string, at: number): boolean {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > ASCII_MAX) return false;
      this.buffer[at + i] = unit;
    }
    return true;
  }

  blob(value: Uint8Array | null): void {
    this.run(BLOB, value);
  }

  private run(tag: number, value: Uint8Array | null): void {
    this.reserve(HEADER_BYTES + (value?.length ?? 0));
    if (value === null) {
      this.buffer[this.used++] = NULL;
      return;
    }
    this.header(tag, value.length);
    this.buffer.set(value, this.used);
    this.used += value.length;
  }

  private header(tag: number, length: number): void {
    this.buffer[this.used] = tag;
    putWord(this.buffer, this.used + 1, length);
    this.used += HEADER_BYTES;
  }

  private reserve(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    larger.set(this.bytes());
    this.buffer = larger;
  }
}

/** Overwrites the value of the integer field that stands at `at`. */
export function putInteger(buffer: Buffer, at: number, value: number): void {
  putWord(buffer, at + 1, Math.floor(value / HIGH_HALF));
  putWord(buffer, at + 1 + 4, value);
}

/** The low 32 bits of a number, big-endian. */
function putWord(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

/** Reads what a FieldWriter wrote, field by field. */
export class FieldReader {
  constructor(
    readonly buffer: Buffer,
    /** Where the next field stands. */
    public at = 0,
  ) {}

  /** @throws TypeError when no integer stands here. */
  integer(): number {
    const { buffer, at } = this;
    if (buffer[at] !== INTEGER) throw new TypeError(`no integer field at ${at}`);
    this.at += INTEGER_BYTES;
    return buffer.readInt32BE(at + 1) * HIGH_HALF + buffer.readUInt32BE(at + 1 + 4);
  }

  /**
   * The bytes of a text or blob, sharing the buffer's memory; null for NULL.
   * @throws TypeError when something else stands here.
   */
  bytes(): Buffer | null {
    const { at } = this;
    this.skip();
    return this.buffer[at] === NULL ? null : this.buffer.subarray(at + HEADER_BYTES, this.at);
  }

  /** The bytes of a blob in memory of their own; null for NULL. */
  copy(): Buffer | null {
    const bytes = this.bytes();
    return bytes && Buffer.from(bytes);
  }

  /** @throws TypeError when no text stands here. */
  text(): string {
    const { at } = this;
    this.skip();
    return this.textAt(at);
  }

  /** Text, or null for NULL. */
  optionalText(): string | null {
    if (this.buffer[this.at] !== NULL) return this.text();
    this.skip();
    return null;
  }

  /** The text of the field that stands at `at`. */
  textAt(at: number): string {
    const { buffer } = this;
    if (buffer[at] !== TEXT) throw new TypeError(`no text field at ${at}`);
    const start = at + HEADER_BYTES;
    return buffer.toString('utf8', start, start + buffer.readUInt32BE(at + 1));
  }

  /**
   * Goes on behind the next field.
   * @throws TypeError when no field stands here.
   */
  skip(): void {
    const { buffer, at } = this;
    switch (buffer[at]) {
      case NULL:
        this.at += 1;
        return;
      case INTEGER:
        this.at += INTEGER_BYTES;
        return;
      case TEXT:
      case BLOB:
        this.at += HEADER_BYTES + buffer.readUInt32BE(at + 1);
        return;
      default:
        throw new TypeError(`no field at ${at}`);
    }
  }
}
