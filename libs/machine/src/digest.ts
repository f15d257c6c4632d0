/**
 * A 128-bit non-cryptographic digest, MurmurHash3 x86_128 (Austin Appleby, public domain), in pure code.
 * It finds divergence; evidence against tampering is the ledger's business.
 */
const C = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const BLOCK = 16;

export class Digest {
  private h1 = 0;
  private h2 = 0;
  private h3 = 0;
  private h4 = 0;
  private length = 0;
  private readonly tail = new Uint8Array(BLOCK);
  private readonly view = new DataView(this.tail.buffer);
  private filled = 0;

  bytes(data: Uint8Array): this {
    for (let i = 0; i < data.length; i++) {
      this.tail[this.filled++] = data[i]!;
      if (this.filled === BLOCK) this.block();
    }
    this.length += data.length;
    return this;
  }

  /** A length-prefixed text in UTF-8, so that no two sequences of texts feed the same bytes. */
  text(value: string): this {
    const data = new TextEncoder().encode(value);
    return this.number(data.length).bytes(data);
  }

  /** An unsigned 32-bit number, little-endian. */
  number(value: number): this {
    return this.bytes(Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  words(values: BigUint64Array): this {
    const data = new Uint8Array(values.length * 8);
    const view = new DataView(data.buffer);
    values.forEach((word, i) => view.setBigUint64(i * 8, word, true));
    return this.number(values.length).bytes(data);
  }

  /** 32 lower-case hex digits. The digest can be read once. */
  hex(): string {
    this.tail.fill(0, this.filled);
    const [k1, k2, k3, k4] = this.keys();
    this.h1 ^= mix(k1, 0);
    this.h2 ^= mix(k2, 1);
    this.h3 ^= mix(k3, 2);
    this.h4 ^= mix(k4, 3);
    let h = [this.h1, this.h2, this.h3, this.h4].map((x) => x ^ this.length);
    h = spread(spread(h).map(finish));
    return h.map((x) => (x >>> 0).toString(16).padStart(8, '0')).join('');
  }

  private keys(): [number, number, number, number] {
    const at = (i: number): number => this.view.getInt32(i * 4, true);
    return [at(0), at(1), at(2), at(3)];
  }

  private block(): void {
    const [k1, k2, k3, k4] = this.keys();
    this.h1 = step(this.h1 ^ mix(k1, 0), 19, this.h2, 0x561ccd1b);
    this.h2 = step(this.h2 ^ mix(k2, 1), 17, this.h3, 0x0bcaa747);
    this.h3 = step(this.h3 ^ mix(k3, 2), 15, this.h4, 0x96cd1c35);
    this.h4 = step(this.h4 ^ mix(k4, 3), 13, this.h1, 0x32ac3b17);
    this.filled = 0;
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
