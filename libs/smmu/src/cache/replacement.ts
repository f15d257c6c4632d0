const EMPTY = -1;

/** Shape of a set-associative cache, and the seed of its choice of victims. */
export interface CacheShape {
  /** Number of sets, at least 1. */
  readonly sets: number;
  /** Places in a set, at least 1. */
  readonly ways: number;
  /** Any whole number; the same seed and the same accesses give the same victims. */
  readonly seed: number;
}

/**
 * Who has a place in a set-associative cache. When a set is full, the victim is drawn by a
 * xorshift32 generator: the model has no randomness of its own.
 */
export class Replacement {
  private readonly occupants: Float64Array;
  private state: number;

  /** @throws RangeError for a shape without places. */
  constructor(private readonly shape: CacheShape) {
    const { sets, ways, seed } = shape;
    if (!(Number.isInteger(sets) && Number.isInteger(ways) && sets > 0 && ways > 0)) {
      throw new RangeError(`a cache of ${sets} sets and ${ways} ways`);
    }
    this.occupants = new Float64Array(sets * ways).fill(EMPTY);
    this.state = seed | 0 || 1;
  }

  /**
   * A free place in the set that `hash` chooses. If there is none, `evict` is told whom to remove,
   * and must `free` that place.
   */
  claim(hash: number, evict: (occupant: number) => void): number {
    const first = ((hash >>> 0) % this.shape.sets) * this.shape.ways;
    const end = first + this.shape.ways;
    for (let place = first; place < end; place++) {
      if (this.occupants[place] === EMPTY) return place;
    }
    const victim = first + (this.next() % this.shape.ways);
    evict(this.occupants[victim]!);
    return victim;
  }

  /** @param occupant not negative. */
  occupy(place: number, occupant: number): void {
    this.occupants[place] = occupant;
  }

  free(place: number): void {
    this.occupants[place] = EMPTY;
  }

  private next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }
}
