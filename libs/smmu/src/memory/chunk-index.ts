/**
 * Open-addressed hash from the number of a chunk or word to its place. Keys are plain numbers below
 * 2^52, values non-negative integers. Nothing is ever removed: memory that was written stays.
 */
export class ChunkIndex {
  private keys = new Float64Array(INITIAL_SLOTS).fill(EMPTY);
  private places = new Int32Array(INITIAL_SLOTS);
  private mask = INITIAL_SLOTS - 1;
  private used = 0;

  get size(): number {
    return this.used;
  }

  /** The chunk's place, or -1. */
  find(chunk: number): number {
    const { keys, mask } = this;
    for (let slot = hash(chunk) & mask; ; slot = (slot + 1) & mask) {
      const key = keys[slot];
      if (key === chunk) return this.places[slot]!;
      if (key === EMPTY) return -1;
    }
  }

  /** Records the place of a chunk that is not in the index yet. */
  add(chunk: number, place: number): void {
    if ((this.used + 1) * 2 > this.mask + 1) this.grow();
    this.put(chunk, place);
    this.used++;
  }

  /** All chunk numbers, ascending. */
  sortedChunks(): Float64Array {
    return this.keys.filter((key) => key !== EMPTY).sort();
  }

  private put(chunk: number, place: number): void {
    let slot = hash(chunk) & this.mask;
    while (this.keys[slot] !== EMPTY) slot = (slot + 1) & this.mask;
    this.keys[slot] = chunk;
    this.places[slot] = place;
  }

  private grow(): void {
    const { keys, places } = this;
    const slots = keys.length * 2;
    this.keys = new Float64Array(slots).fill(EMPTY);
    this.places = new Int32Array(slots);
    this.mask = slots - 1;
    keys.forEach((key, slot) => {
      if (key !== EMPTY) this.put(key, places[slot]!);
    });
  }
}

const INITIAL_SLOTS = 64;
const EMPTY = -1;

function hash(chunk: number): number {
  const low = chunk | 0;
  const high = (chunk / 0x1_0000_0000) | 0;
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
