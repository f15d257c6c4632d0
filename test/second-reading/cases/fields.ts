import { power } from '../reading/bits';

/** A structure of 64-bit words under construction, written in the architecture's bit numbers. */
export class Fields {
  private readonly content: bigint[];

  constructor(words: number) {
    this.content = new Array<bigint>(words).fill(0n);
  }

  /** Writes bits [hi:lo]; what does not fit is cut off. */
  set(hi: number, lo: number, value: number | bigint): this {
    const mask = power(hi - lo + 1) - 1n;
    const at = BigInt(lo & 63);
    const word = this.content[lo >> 6]!;
    this.content[lo >> 6] = (word & ~(mask << at)) | ((BigInt(value) & mask) << at);
    return this;
  }

  words(): readonly bigint[] {
    return this.content;
  }
}
