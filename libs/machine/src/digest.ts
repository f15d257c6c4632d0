/**
 * A 128-bit non-cryptographic digest, MurmurHash3 x86_128 (Austin Appleby, public domain), in pure code.
 * It finds divergence; evidence against tampering is the ledger's business.
 */
const C = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const BLOCK = 16;

const ENCODER = new TextEncoder();
const INITIAL_BYTES = 512;
/** Words of a typed array lie in memory as they are digested. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Takes bytes, texts, numbers and words one after the other; what was taken is hashed when it is read. */
export class Digest {
  private data = new Uint8Array(INITIAL_BYTES);
  private view = new DataView(this.data.buffer);
  private length = 0;

  bytes(data: Uint8Array): this {
    this.reserve(data.length);
    this.data.set(data, this.length);
    this.length += data.length;
    return this;
  }

  /** A length-prefixed text in UTF-8, so that no two sequences of texts feed the same bytes. */
  text(value: string): this {
    // A UTF-16 code unit takes three bytes at most.
    this.reserve(4 + value.length * 3);
    const { written } = ENCODER.encodeInto(value, this.data.subarray(this.length + 4));
    this.number(written);
    this.length += written;
    return this;
  }

  /** An unsigned 32-bit number, little-endian. */
  number(value: number): this {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }

  words(values: BigUint64Array): this {
    this.number(values.length);
    if (LITTLE_ENDIAN) {
      return this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    this.reserve(values.byteLength);
    for (const word of values) {
      this.view.setBigUint64(this.length, word, true);
      this.length += 8;
    }
    return this;
  }

  /** 32 lower-case hex digits. */
  hex(): string {
    const { length, view } = this;
    let [h1, h2, h3, h4] = [0, 0, 0, 0];
    const whole = length - (length % BLOCK);
    for (let at = 0; at < whole; at += BLOCK) {
      h1 = step(h1 ^ mix(view.getInt32(at, true), 0), 19, h2, 0x561ccd1b);
      h2 = step(h2 ^ mix(view.getInt32(at + 4, true), 1), 17, h3, 0x0bcaa747);
      h3 = step(h3 ^ mix(view.getInt32(at + 8, true), 2), 15, h4, 0x96cd1c35);
      h4 = step(h4 ^ mix(view.getInt32(at + 12, true), 3), 13, h1, 0x32ac3b17);
    }
    const tail = new DataView(new ArrayBuffer(BLOCK));
    for (let at = whole; at < length; at++) tail.setUint8(at - whole, this.data[at]!);
    h1 ^= mix(tail.getInt32(0, true), 0);
    h2 ^= mix(tail.getInt32(4, true), 1);
    h3 ^= mix(tail.getInt32(8, true), 2);
    h4 ^= mix(tail.getInt32(12, true), 3);
    let h = [h1, h2, h3, h4].map((x) => x ^ length);
    h = spread(spread(h).map(finish));
    return h.map((x) => (x >>> 0).toString(16).padStart(8, '0')).join('');
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.data.length * 2, this.length + bytes));
    grown.set(this.data);
    this.data = grown;
    this.view = new DataView(grown.buffer);
  }
}

const KEY_ROTATION = [15, 16, 17, 18] as const;

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function mix(key: number, lane: 0 | 1 | 2 | 3): number {
  const next = C[((lane + 1) % 4) as 0 | 1 | 2 | 3];
  return Math.imul(rotate(Math.imul(key, C[lane]), KEY_ROTATION[lane]), next);
}

function step(h: number, by: number, next: number, plus: number): number {
  return (Math.imul((rotate(h, by) + next) | 0, 5) + plus) | 0;
}

function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function spread([a = 0, b = 0, c = 0, d = 0]: number[]): number[] {
  const sum = (a + b + c + d) | 0;
  return [sum, (b + sum) | 0, (c + sum) | 0, (d + sum) | 0];
}
