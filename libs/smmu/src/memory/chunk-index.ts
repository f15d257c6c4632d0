const INITIAL_SLOTS = 64;
/** A slot: the key's low and high 32 bits, the place, and a word that fills it up to 16 bytes. */
const WORDS_LOG2 = 2;
const WORDS = 2 ** WORDS_LOG2;
const HIGH = 1;
const PLACE = 2;
const EMPTY = -1;
const TWO_32 = 2 ** 32;
const PER_TWO_32 = 2 ** -32;

/**
 * Open-addressed hash from the number of a chunk or word to its place. Keys are plain numbers below
 * 2^52, values non-negative integers. Nothing is ever removed: memory that was written stays.
 */
export class ChunkIndex {
  /** An empty slot has key 0 and place EMPTY, which is the right answer to a search for key 0. */
  private slots = emptySlots(INITIAL_SLOTS);
  private mask = INITIAL_SLOTS - 1;
  private used = 0;

  get size(): number {
    return this.used;
  }

  /** The chunk's place, or -1. A fraction of the number is dropped. */
  find(chunk: number): number {
    return this.findAt((chunk * PER_TWO_32) | 0, chunk | 0);
  }

  /** The same for a number of bits [51:32] and [31:0]. */
  findAt(high: number, low: number): number {
    const { slots, mask } = this;
    for (let slot = hash(low, high) & mask; ; slot = (slot + 1) & mask) {
      const at = slot << WORDS_LOG2;
      const place = slots[at | PLACE]!;
      if ((slots[at] === low && slots[at | HIGH] === high) || place === EMPTY) return place;
    }
  }

  /** Records the place of a chunk that is not in the index yet. */
  add(chunk: number, place: number): void {
    if ((this.used + 1) * 2 > this.mask + 1) this.grow();
    this.put(chunk | 0, (chunk * PER_TWO_32) | 0, place);
    this.used++;
  }

  /** All chunk numbers, ascending. */
  sortedChunks(): Float64Array {
    const { slots } = this;
    const chunks = new Float64Array(this.used);
    let count = 0;
    for (let at = 0; at < slots.length; at += WORDS) {
      if (slots[at | PLACE] === EMPTY) continue;
      chunks[count++] = slots[at | HIGH]! * TWO_32 + (slots[at]! >>> 0);
    }
    return chunks.sort();
  }

  private put(low: number, high: number, place: number): void {
    const { slots, mask } = this;
    let slot = hash(low, high) & mask;
    while (slots[(slot << WORDS_LOG2) | PLACE] !== EMPTY) slot = (slot + 1) & mask;
    const at = slot << WORDS_LOG2;
    slots[at] = low;
    slots[at | HIGH] = high;
    slots[at | PLACE] = place;
  }

  private grow(): void {
    const old = this.slots;
    this.mask = this.mask * 2 + 1;
    this.slots = emptySlots(this.mask + 1);
    for (let at = 0; at < old.length; at += WORDS) {
      const place = old[at | PLACE]!;
      if (place !== EMPTY) this.put(old[at]!, old[at | HIGH]!, place);
    }
  }
}

function emptySlots(count: number): Int32Array {
  const slots = new Int32Array(count * WORDS);
  for (let at = PLACE; at < slots.length; at += WORDS) slots[at] = EMPTY;
  return slots;
}

function hash(low: number, high: number): number {
  const mixed = Math.imul(low ^ (high << 20), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
