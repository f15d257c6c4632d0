const EMPTY = -1;

/**
 * The baseline of TLB lookups and invalidations: an open-addressed hash in typed arrays from a page
 * (with its tag) to a frame, and nothing else. A removed place is filled from behind, so no
 * tombstones pile up.
 */
export class PlainHash {
  private readonly keys: Float64Array;
  private readonly values: Float64Array;
  private readonly mask: number;

  /** @param entries the most it will hold; at least half of the slots stay empty. */
  constructor(entries: number) {
    const slots = 2 ** Math.ceil(Math.log2(entries * 2));
    this.keys = new Float64Array(slots).fill(EMPTY);
    this.values = new Float64Array(slots);
    this.mask = slots - 1;
  }

  /** @param key a whole number below 2^53, not negative. */
  put(key: number, value: number): void {
    const slot = this.slotOf(key);
    this.keys[slot] = key;
    this.values[slot] = value;
  }

  /** The value, or -1. */
  get(key: number): number {
    const slot = this.slotOf(key);
    return this.keys[slot] === key ? this.values[slot]! : -1;
  }

  remove(key: number): boolean {
    let hole = this.slotOf(key);
    if (this.keys[hole] !== key) return false;
    for (let at = (hole + 1) & this.mask; this.keys[at] !== EMPTY; at = (at + 1) & this.mask) {
      const home = hash(this.keys[at]!) & this.mask;
      // An entry moves up when its home is not behind the hole.
      if (((at - home) & this.mask) < ((at - hole) & this.mask)) continue;
      this.keys[hole] = this.keys[at]!;
      this.values[hole] = this.values[at]!;
      hole = at;
    }
    this.keys[hole] = EMPTY;
    return true;
  }

  private slotOf(key: number): number {
    let slot = hash(key) & this.mask;
    while (this.keys[slot] !== key && this.keys[slot] !== EMPTY) slot = (slot + 1) & this.mask;
    return slot;
  }
}

function hash(key: number): number {
  const mixed = Math.imul((key | 0) ^ Math.imul((key / 0x1_0000_0000) | 0, 0x85ebca6b), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
