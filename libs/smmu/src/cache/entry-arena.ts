/** No entry. */
export const NONE = -1;
const INITIAL = 16;

/**
 * The places where TLB entries lie: typed arrays, a free list, and one chained hash over (owner,
 * key). An entry keeps its place until it is removed, so lists may thread through places.
 */
export class EntryArena {
  keys = new Float64Array(INITIAL);
  /** Output address of the entry's first byte. */
  pas = new Float64Array(INITIAL);
  /** Stage-1 output of the entry's first byte. */
  ipas = new Float64Array(INITIAL);
  infos = new Int32Array(INITIAL);
  /** Neighbours in the list of the entry's space. */
  next = new Int32Array(INITIAL);
  previous = new Int32Array(INITIAL);
  /** Neighbours among the pieces of one splintered leaf. */
  pieceNext = new Int32Array(INITIAL);
  piecePrevious = new Int32Array(INITIAL);
  private owners = new Int32Array(INITIAL);
  /** Next entry of the same hash bucket; of a free place, the next free one. */
  private chain = new Int32Array(INITIAL);
  private buckets = new Int32Array(INITIAL).fill(NONE);
  private used = 0;
  private free = NONE;

  /** The entry's place, or NONE. */
  find(owner: number, key: number): number {
    let id = this.buckets[hash(owner, key) & (this.buckets.length - 1)]!;
    while (id !== NONE && (this.keys[id] !== key || this.owners[id] !== owner))
      id = this.chain[id]!;
    return id;
  }

  /** Takes a place for an entry that is not there yet. Its list neighbours are NONE. */
  add(owner: number, key: number): number {
    const id = this.allocate();
    this.keys[id] = key;
    this.owners[id] = owner;
    this.next[id] = NONE;
    this.previous[id] = NONE;
    this.pieceNext[id] = NONE;
    this.piecePrevious[id] = NONE;
    this.enter(id);
    return id;
  }

  /** Gives an entry's place back. Lists are the caller's. */
  remove(id: number): void {
    const bucket = hash(this.owners[id]!, this.keys[id]!) & (this.buckets.length - 1);
    let at = this.buckets[bucket]!;
    if (at === id) {
      this.buckets[bucket] = this.chain[id]!;
    } else {
      while (this.chain[at] !== id) at = this.chain[at]!;
      this.chain[at] = this.chain[id]!;
    }
    this.owners[id] = 0;
    this.chain[id] = this.free;
    this.free = id;
  }

  private enter(id: number): void {
    const bucket = hash(this.owners[id]!, this.keys[id]!) & (this.buckets.length - 1);
    this.chain[id] = this.buckets[bucket]!;
    this.buckets[bucket] = id;
  }

  private allocate(): number {
    if (this.free !== NONE) {
      const id = this.free;
      this.free = this.chain[id]!;
      return id;
    }
    if (this.used === this.keys.length) this.grow();
    return this.used++;
  }

  /** Doubles the places and the buckets; called when every place is taken. */
  private grow(): void {
    const places = this.keys.length * 2;
    this.keys = grown(this.keys, new Float64Array(places));
    this.pas = grown(this.pas, new Float64Array(places));
    this.ipas = grown(this.ipas, new Float64Array(places));
    this.owners = grown(this.owners, new Int32Array(places));
    this.infos = grown(this.infos, new Int32Array(places));
    this.chain = grown(this.chain, new Int32Array(places));
    this.next = grown(this.next, new Int32Array(places));
    this.previous = grown(this.previous, new Int32Array(places));
    this.pieceNext = grown(this.pieceNext, new Int32Array(places));
    this.piecePrevious = grown(this.piecePrevious, new Int32Array(places));
    this.buckets = new Int32Array(places).fill(NONE);
    for (let id = 0; id < this.used; id++) this.enter(id);
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function hash(owner: number, key: number): number {
  const low = Math.imul(key | 0, 0x9e3779b1);
  const high = Math.imul((key / 0x1_0000_0000) | 0, 0x85ebca6b);
  const mixed = Math.imul(low ^ high ^ Math.imul(owner, 0xc2b2ae35), 0x27d4eb2f);
  return mixed ^ (mixed >>> 15);
}
