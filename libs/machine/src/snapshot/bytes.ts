/** Bytes that are no snapshot, or one of other code. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

const FIRST_CAPACITY = 4096;
/** A byte of a variable-length number holds 7 bits, the lowest first; bit 7 says that more follow. */
const GROUP = 0x80;

/** Writes numbers, texts and bytes one after the other. */
export class ByteWriter {
  private buffer = new Uint8Array(FIRST_CAPACITY);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  /** One byte, 0 to 255. */
  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  /** An integer from 0 to 2^53 - 1. */
  count(value: number): void {
    let rest = value;
    while (rest >= GROUP) {
      this.byte((rest % GROUP) + GROUP);
      rest = Math.floor(rest / GROUP);
    }
    this.byte(rest);
  }

  /** Any number, as 64 bits. */
  double(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A length in bytes and the UTF-8. */
  text(value: string): void {
    this.block(new TextEncoder().encode(value));
  }

  /** A length and the bytes. */
  block(bytes: Uint8Array): void {
    this.count(bytes.length);
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** All that was written. */
  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + more));
    larger.set(this.buffer);
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Reads what a ByteWriter wrote, in the same order. */
export class ByteReader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly buffer: Uint8Array) {
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  /** @throws SnapshotError behind the last byte, as do all others. */
  byte(): number {
    return this.buffer[this.advance(1)]!;
  }

  count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= GROUP) {
      const group = this.byte();
      value += (group % GROUP) * scale;
      if (group < GROUP) break;
    }
    if (!Number.isSafeInteger(value)) throw new SnapshotError(`a number beyond 2^53 at ${this.at}`);
    return value;
  }

  double(): number {
    return this.view.getFloat64(this.advance(8), true);
  }

  text(): string {
    return new TextDecoder().decode(this.block());
  }

  /** A view of the bytes, not a copy. */
  block(): Uint8Array {
    const length = this.count();
    const first = this.advance(length);
    return this.buffer.subarray(first, first + length);
  }

  private advance(by: number): number {
    const at = this.at;
    if (at + by > this.buffer.length) throw new SnapshotError(`cut off after ${at} bytes`);
    this.at += by;
    return at;
  }
}
