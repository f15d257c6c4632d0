/**
 * A 128-bit non-cryptographic digest, MurmurHash3 x86_128 (Austin Appleby, public domain), in pure code.
 * It finds divergence; evidence against tampering is the ledger's business.
 */
const C0 = 0x239b961b;
const C1 = 0xab0e9789;
const C2 = 0x38b34ae5;
const C3 = 0xa1e38b93;
const BLOCK = 16;

const ENCODER = new TextEncoder();
const INITIAL_BYTES = 4096;

/**
 * Takes bytes, texts, numbers and words one after the other; what was taken is hashed when it is read. Whoever makes many
 * digests begins the same one anew.
 */
export class Digest {
  private data = new Uint8Array(INITIAL_BYTES);
  private view = new DataView(this.data.buffer);
  private length = 0;

  /** Forgets what was taken. */
  restart(): this {
    this.length = 0;
    return this;
  }

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
    const { data } = this;
    const start = this.length + 4;
    // Nearly every text is ASCII, and short.
    for (let n = 0; n < value.length; n++) {
      const unit = value.charCodeAt(n);
      if (unit > 0x7f) return this.unicode(value);
      data[start + n] = unit;
    }
    this.number(value.length);
    this.length += value.length;
    return this;
  }

  private unicode(value: string): this {
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
    this.reserve(values.byteLength);
    for (const word of values) {
      this.view.setBigUint64(this.length, word, true);
      this.length += 8;
    }
    return this;
  }

  /** 32 lower-case hex digits. */
  hex(): string {
    const { length } = this;
    const whole = length - (length % BLOCK);
    // The last block is the rest, filled up with zeros.
    this.reserve(BLOCK);
    this.data.fill(0, length, whole + BLOCK);
    const { view } = this;
    let [h1, h2, h3, h4] = [0, 0, 0, 0];
    for (let at = 0; at < whole; at += BLOCK) {
      h1 = step(h1 ^ mix(view.getInt32(at, true), C0, 15, C1), 19, h2, 0x561ccd1b);
      h2 = step(h2 ^ mix(view.getInt32(at + 4, true), C1, 16, C2), 17, h3, 0x0bcaa747);
      h3 = step(h3 ^ mix(view.getInt32(at + 8, true), C2, 17, C3), 15, h4, 0x96cd1c35);
      h4 = step(h4 ^ mix(view.getInt32(at + 12, true), C3, 18, C0), 13, h1, 0x32ac3b17);
    }
    h1 ^= mix(view.getInt32(whole, true), C0, 15, C1) ^ length;
    h2 ^= mix(view.getInt32(whole + 4, true), C1, 16, C2) ^ length;
    h3 ^= mix(view.getInt32(whole + 8, true), C2, 17, C3) ^ length;
    h4 ^= mix(view.getInt32(whole + 12, true), C3, 18, C0) ^ length;
    let sum = (h1 + h2 + h3 + h4) | 0;
    h1 = finish(sum);
    h2 = finish((h2 + sum) | 0);
    h3 = finish((h3 + sum) | 0);
    h4 = finish((h4 + sum) | 0);
    sum = (h1 + h2 + h3 + h4) | 0;
    return hex32(sum) + hex32(h2 + sum) + hex32(h3 + sum) + hex32(h4 + sum);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.data.length * 2, this.length + bytes));
    grown.set(this.data);
    this.data = grown;
    this.view = new DataView(grown.buffer);
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function mix(key: number, constant: number, by: number, next: number): number {
  return Math.imul(rotate(Math.imul(key, constant), by), next);
}

function step(h: number, by: number, next: number, plus: number): number {
  return (Math.imul((rotate(h, by) + next) | 0, 5) + plus) | 0;
}

function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex32(x: number): string {
  const high = HEX_BYTES[x >>> 24]! + HEX_BYTES[(x >>> 16) & 0xff]!;
  return high + HEX_BYTES[(x >>> 8) & 0xff]! + HEX_BYTES[x & 0xff]!;
}
