/** No entry. */
export const NONE = -1;
const INITIAL = 16;
/** A power of two: what is looked up is as a rule the first of its bucket. */
const BUCKETS_A_PLACE = 4;

/**
 * An entry is as large as a cache line: its key, two doubles of output, then words of 32 bits. What a
 * lookup reads comes first, since an entry may lie across two lines.
 */
const DOUBLES_LOG2 = 3;
const WORDS_LOG2 = 4;
const TAG = 0;
const PAGE = 1;
const PA = 1;
const IPA = 2;
const OWNER = 7;
/** Next entry of the same hash bucket; of a free place, the next free one. */
const CHAIN = 8;

/** Words of an entry that callers own. `LINK_B` means what the entry's role says. */
export const WORD = {
  INFO: 6,
  /** Of a list: its first entry. Of other entries as with LINK_B. */
  LINK_A: 10,
  LINK_B: 11,
  /** Place in a set of a set-associative TLB. */
  SLOT: 15,
} as const;
/** Of a list: its length. */
const COUNT = WORD.INFO;
const FIRST = WORD.LINK_A;
/** Hash of owner and key: the low bits say the bucket. */
const HASH = 9;
const NEXT = 12;
const PREVIOUS = 13;
/** The list that the entry is on. */
const LIST = 14;

/**
 * The places where TLB entries lie: typed arrays, a free list, and one chained hash over (owner,
 * key), a key being a tag and a page of 32 bits each. An entry keeps its place until it is removed,
 * so lists thread through places: any entry may head one.
 */
export class EntryArena {
  private doubles = new Float64Array(INITIAL << DOUBLES_LOG2);
  /** The same bytes as 32-bit words. */
  private words = new Int32Array(this.doubles.buffer);
  private buckets = new Int32Array(INITIAL * BUCKETS_A_PLACE).fill(NONE);
  private used = 0;
  private free = NONE;

  /** The entry's place, or NONE. */
  find(owner: number, tag: number, page: number): number {
    const { words, buckets } = this;
    let id = buckets[hash(owner, tag, page) & (buckets.length - 1)]!;
    while (id !== NONE) {
      const at = id << WORDS_LOG2;
      if (words[at | PAGE] === page && words[at | TAG] === tag && words[at | OWNER] === owner) {
        return id;
      }
      id = words[at | CHAIN]!;
    }
    return NONE;
  }

  /**
   * Takes a place for an entry that is not there yet, and says its INFO. Its links are NONE, its other
   * words stale.
   */
  add(owner: number, tag: number, page: number, info: number): number {
    const id = this.allocate();
    const { words, buckets } = this;
    const at = id << WORDS_LOG2;
    const hashed = hash(owner, tag, page);
    const bucket = hashed & (buckets.length - 1);
    words[at | TAG] = tag;
    words[at | PAGE] = page;
    words[at | WORD.INFO] = info;
    words[at | OWNER] = owner;
    words[at | CHAIN] = buckets[bucket]!;
    words[at | HASH] = hashed;
    words[at | WORD.LINK_A] = NONE;
    words[at | WORD.LINK_B] = NONE;
    buckets[bucket] = id;
    return id;
  }

  /** Takes a place that `find` does not find. */
  addHidden(tag: number, page: number): number {
    const id = this.allocate();
    const { words } = this;
    const at = id << WORDS_LOG2;
    words[at | TAG] = tag;
    words[at | PAGE] = page;
    words[at | OWNER] = NONE;
    words[at | WORD.LINK_A] = NONE;
    words[at | WORD.LINK_B] = NONE;
    return id;
  }

  /** Gives an entry's place back. Lists are the caller's. */
  remove(id: number): void {
    const { words } = this;
    if (words[(id << WORDS_LOG2) | OWNER] !== NONE) this.leave(id);
    words[(id << WORDS_LOG2) | CHAIN] = this.free;
    this.free = id;
  }

  tag(id: number): number {
    return this.words[(id << WORDS_LOG2) | TAG]!;
  }

  page(id: number): number {
    return this.words[(id << WORDS_LOG2) | PAGE]!;
  }

  /** The owner that the entry was added with. */
  owner(id: number): number {
    return this.words[(id << WORDS_LOG2) | OWNER]!;
  }

  /** Hash of owner and key. */
  hash(id: number): number {
    return this.words[(id << WORDS_LOG2) | HASH]!;
  }

  /** Output address of the entry's first byte. */
  pa(id: number): number {
    return this.doubles[(id << DOUBLES_LOG2) | PA]!;
  }

  /** Stage-1 output of the entry's first byte. */
  ipa(id: number): number {
    return this.doubles[(id << DOUBLES_LOG2) | IPA]!;
  }

  setOutput(id: number, pa: number, ipa: number): void {
    this.doubles[(id << DOUBLES_LOG2) | PA] = pa;
    this.doubles[(id << DOUBLES_LOG2) | IPA] = ipa;
  }

  /** Makes an entry the head of an empty list. */
  startList(list: number): void {
    this.words[(list << WORDS_LOG2) | FIRST] = NONE;
    this.words[(list << WORDS_LOG2) | COUNT] = 0;
  }

  /** Puts an entry first on a list; it is on no other. @returns the list's length. */
  link(list: number, id: number): number {
    const { words } = this;
    const head = list << WORDS_LOG2;
    const at = id << WORDS_LOG2;
    const first = words[head | FIRST]!;
    words[at | LIST] = list;
    words[at | PREVIOUS] = NONE;
    words[at | NEXT] = first;
    words[head | FIRST] = id;
    if (first !== NONE) words[(first << WORDS_LOG2) | PREVIOUS] = id;
    return ++words[head | COUNT]!;
  }

  /** Takes an entry off its list. */
  unlink(id: number): void {
    const { words } = this;
    const at = id << WORDS_LOG2;
    const head = words[at | LIST]! << WORDS_LOG2;
    const next = words[at | NEXT]!;
    const previous = words[at | PREVIOUS]!;
    if (previous === NONE) words[head | FIRST] = next;
    else words[(previous << WORDS_LOG2) | NEXT] = next;
    if (next !== NONE) words[(next << WORDS_LOG2) | PREVIOUS] = previous;
    words[head | COUNT] = words[head | COUNT]! - 1;
  }

  /**
   * Makes an entry follow `after` on its list, or be the first if that is NONE: whoever visits a list
   * and lets entries leave it puts those that stay together anew, and then ends the list.
   */
  keep(list: number, after: number, id: number): void {
    const { words } = this;
    if (after === NONE) words[(list << WORDS_LOG2) | FIRST] = id;
    else words[(after << WORDS_LOG2) | NEXT] = id;
    words[(id << WORDS_LOG2) | PREVIOUS] = after;
  }

  /** Makes an entry the last of its list, whose length is given; with NONE the list is empty. */
  end(list: number, last: number, length: number): void {
    const { words } = this;
    if (last === NONE) words[(list << WORDS_LOG2) | FIRST] = NONE;
    else words[(last << WORDS_LOG2) | NEXT] = NONE;
    words[(list << WORDS_LOG2) | COUNT] = length;
  }

  /** The list that an entry is on. */
  listOf(id: number): number {
    return this.words[(id << WORDS_LOG2) | LIST]!;
  }

  /** First entry of a list, or NONE. */
  first(list: number): number {
    return this.words[(list << WORDS_LOG2) | FIRST]!;
  }

  /** The entry behind another on its list, or NONE. */
  next(id: number): number {
    return this.words[(id << WORDS_LOG2) | NEXT]!;
  }

  /** Length of a list. */
  length(list: number): number {
    return this.words[(list << WORDS_LOG2) | COUNT]!;
  }

  /** @param word one of WORD. */
  word(id: number, word: number): number {
    return this.words[(id << WORDS_LOG2) | word]!;
  }

  setWord(id: number, word: number, value: number): void {
    this.words[(id << WORDS_LOG2) | word] = value;
  }

  private enter(id: number): void {
    const { words, buckets } = this;
    const bucket = words[(id << WORDS_LOG2) | HASH]! & (buckets.length - 1);
    words[(id << WORDS_LOG2) | CHAIN] = buckets[bucket]!;
    buckets[bucket] = id;
  }

  private leave(id: number): void {
    const { words, buckets } = this;
    const bucket = words[(id << WORDS_LOG2) | HASH]! & (buckets.length - 1);
    const after = words[(id << WORDS_LOG2) | CHAIN]!;
    let at = buckets[bucket]!;
    if (at === id) {
      buckets[bucket] = after;
      return;
    }
    while (words[(at << WORDS_LOG2) | CHAIN] !== id) at = words[(at << WORDS_LOG2) | CHAIN]!;
    words[(at << WORDS_LOG2) | CHAIN] = after;
  }

  private allocate(): number {
    const id = this.free;
    if (id === NONE) return this.extend();
    this.free = this.words[(id << WORDS_LOG2) | CHAIN]!;
    return id;
  }

  private extend(): number {
    if (this.used << DOUBLES_LOG2 === this.doubles.length) this.grow();
    return this.used++;
  }

  /** Doubles the places and the buckets; called when every place is taken. */
  private grow(): void {
    const doubles = new Float64Array(this.doubles.length * 2);
    doubles.set(this.doubles);
    this.doubles = doubles;
    this.words = new Int32Array(doubles.buffer);
    this.buckets = new Int32Array(this.buckets.length * 2).fill(NONE);
    for (let id = 0; id < this.used; id++) {
      if (this.words[(id << WORDS_LOG2) | OWNER] !== NONE) this.enter(id);
    }
  }
}

/**
 * Neighbouring pages of one space lie in neighbouring buckets, each in its own: software maps, uses
 * and unmaps pages in order, and so walks the buckets and the entries nearly in order, without
 * chains. Exclusive or, since a sum may leave the range of integers.
 */
function hash(owner: number, tag: number, page: number): number {
  const run = (page >>> 10) ^ Math.imul(owner, 0x9e3779b1) ^ Math.imul(tag, 0xc2b2ae35);
  const mixed = Math.imul(run ^ (run >>> 15), 0x85ebca6b);
  return page ^ mixed ^ (mixed >>> 13);
}
