/** No entry. */
export const NONE = -1;
const INITIAL = 16;
/** A power of two: what is looked up is as a rule the first of its bucket. */
const BUCKETS_A_PLACE = 4;

/** An entry fills one cache line: its key, two doubles of output, then words of 32 bits. */
const DOUBLES = 8;
const WORDS = 16;
const TAG = 0;
const PAGE = 1;
const PA = 1;
const IPA = 2;

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
const NEXT = 7;
const PREVIOUS = 8;
/** The list that the entry is on. */
const LIST = 9;
const OWNER = 12;
/** Next entry of the same hash bucket; of a free place, the next free one. */
const CHAIN = 13;
/** Hash of owner and key: the low bits say the bucket. */
const HASH = 14;

/**
 * The places where TLB entries lie: typed arrays, a free list, and one chained hash over (owner,
 * key), a key being a tag and a page of 32 bits each. An entry keeps its place until it is removed,
 * so lists thread through places: any entry may head one.
 */
export class EntryArena {
  private doubles = new Float64Array(INITIAL * DOUBLES);
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
      const at = id * WORDS;
      if (words[at + PAGE] === page && words[at + TAG] === tag && words[at + OWNER] === owner) {
        return id;
      }
      id = words[at + CHAIN]!;
    }
    return NONE;
  }

  /** Takes a place for an entry that is not there yet. Its links are NONE, its other words stale. */
  add(owner: number, tag: number, page: number): number {
    const id = this.take(owner, tag, page);
    this.enter(id);
    return id;
  }

  /** Takes a place that `find` does not find. */
  addHidden(tag: number, page: number): number {
    return this.take(NONE, tag, page);
  }

  /** Gives an entry's place back. Lists are the caller's. */
  remove(id: number): void {
    const { words } = this;
    if (words[id * WORDS + OWNER] !== NONE) this.leave(id);
    words[id * WORDS + CHAIN] = this.free;
    this.free = id;
  }

  tag(id: number): number {
    return this.words[id * WORDS + TAG]!;
  }

  page(id: number): number {
    return this.words[id * WORDS + PAGE]!;
  }

  /** The owner that the entry was added with. */
  owner(id: number): number {
    return this.words[id * WORDS + OWNER]!;
  }

  /** Hash of owner and key. */
  hash(id: number): number {
    return this.words[id * WORDS + HASH]!;
  }

  /** Output address of the entry's first byte. */
  pa(id: number): number {
    return this.doubles[id * DOUBLES + PA]!;
  }

  /** Stage-1 output of the entry's first byte. */
  ipa(id: number): number {
    return this.doubles[id * DOUBLES + IPA]!;
  }

  setOutput(id: number, pa: number, ipa: number): void {
    this.doubles[id * DOUBLES + PA] = pa;
    this.doubles[id * DOUBLES + IPA] = ipa;
  }

  /** Makes an entry the head of an empty list. */
  startList(list: number): void {
    this.words[list * WORDS + FIRST] = NONE;
    this.words[list * WORDS + COUNT] = 0;
  }

  /** Puts an entry first on a list; it is on no other. */
  link(list: number, id: number): void {
    const { words } = this;
    const head = list * WORDS;
    const at = id * WORDS;
    const first = words[head + FIRST]!;
    words[at + LIST] = list;
    words[at + PREVIOUS] = NONE;
    words[at + NEXT] = first;
    words[head + FIRST] = id;
    words[head + COUNT] = words[head + COUNT]! + 1;
    if (first !== NONE) words[first * WORDS + PREVIOUS] = id;
  }

  /** Takes an entry off its list. */
  unlink(id: number): void {
    const { words } = this;
    const at = id * WORDS;
    const head = words[at + LIST]! * WORDS;
    const next = words[at + NEXT]!;
    const previous = words[at + PREVIOUS]!;
    if (previous === NONE) words[head + FIRST] = next;
    else words[previous * WORDS + NEXT] = next;
    if (next !== NONE) words[next * WORDS + PREVIOUS] = previous;
    words[head + COUNT] = words[head + COUNT]! - 1;
  }

  /**
   * Visits the entries of a list, and takes off it those of which the visit says that they leave.
   * The visit may give their places back.
   */
  sift(list: number, leaves: (id: number) => boolean): void {
    const { words } = this;
    let kept = NONE;
    let count = 0;
    let next: number;
    for (let id = this.first(list); id !== NONE; id = next) {
      next = words[id * WORDS + NEXT]!;
      if (leaves(id)) continue;
      if (kept === NONE) words[list * WORDS + FIRST] = id;
      else words[kept * WORDS + NEXT] = id;
      words[id * WORDS + PREVIOUS] = kept;
      kept = id;
      count++;
    }
    if (kept === NONE) words[list * WORDS + FIRST] = NONE;
    else words[kept * WORDS + NEXT] = NONE;
    words[list * WORDS + COUNT] = count;
  }

  /** The list that an entry is on. */
  listOf(id: number): number {
    return this.words[id * WORDS + LIST]!;
  }

  /** First entry of a list, or NONE. */
  first(list: number): number {
    return this.words[list * WORDS + FIRST]!;
  }

  /** The entry behind another on its list, or NONE. */
  next(id: number): number {
    return this.words[id * WORDS + NEXT]!;
  }

  /** Length of a list. */
  length(list: number): number {
    return this.words[list * WORDS + COUNT]!;
  }

  /** @param word one of WORD. */
  word(id: number, word: number): number {
    return this.words[id * WORDS + word]!;
  }

  setWord(id: number, word: number, value: number): void {
    this.words[id * WORDS + word] = value;
  }

  private take(owner: number, tag: number, page: number): number {
    const id = this.allocate();
    const { words } = this;
    const at = id * WORDS;
    words[at + TAG] = tag;
    words[at + PAGE] = page;
    words[at + OWNER] = owner;
    words[at + HASH] = hash(owner, tag, page);
    words[at + WORD.LINK_A] = NONE;
    words[at + WORD.LINK_B] = NONE;
    words[at + WORD.SLOT] = NONE;
    return id;
  }

  private enter(id: number): void {
    const { words, buckets } = this;
    const bucket = words[id * WORDS + HASH]! & (buckets.length - 1);
    words[id * WORDS + CHAIN] = buckets[bucket]!;
    buckets[bucket] = id;
  }

  private leave(id: number): void {
    const { words, buckets } = this;
    const bucket = words[id * WORDS + HASH]! & (buckets.length - 1);
    const after = words[id * WORDS + CHAIN]!;
    let at = buckets[bucket]!;
    if (at === id) {
      buckets[bucket] = after;
      return;
    }
    while (words[at * WORDS + CHAIN] !== id) at = words[at * WORDS + CHAIN]!;
    words[at * WORDS + CHAIN] = after;
  }

  private allocate(): number {
    if (this.free !== NONE) {
      const id = this.free;
      this.free = this.words[id * WORDS + CHAIN]!;
      return id;
    }
    if (this.used * DOUBLES === this.doubles.length) this.grow();
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
      if (this.words[id * WORDS + OWNER] !== NONE) this.enter(id);
    }
  }
}

/**
 * Neighbouring pages of one space lie in neighbouring buckets, each in its own: software maps, uses
 * and unmaps pages in order, and so walks the buckets and the entries in order, without chains.
 */
function hash(owner: number, tag: number, page: number): number {
  const run = ((page >>> 10) + Math.imul(owner, 0x9e3779b1)) ^ Math.imul(tag, 0xc2b2ae35);
  const mixed = Math.imul(run ^ (run >>> 15), 0x85ebca6b);
  return (page + (mixed ^ (mixed >>> 13))) | 0;
}
