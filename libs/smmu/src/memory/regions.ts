/** A range of physical addresses where memory answers. */
export interface Region {
  /** First byte, a multiple of 4096. */
  readonly base: number;
  /** Bytes, a multiple of 4096, not zero. */
  readonly size: number;
}

const PAGE = 4096;
const LIMIT = 2 ** 52;

/** The set of backed ranges. Ranges may touch; an overlap is refused. */
export class Regions {
  private bases: number[] = [];
  private ends: number[] = [];
  /** The region that answered last: most questions are about the same one. */
  private lastBase = 0;
  private lastEnd = 0;

  /**
   * @throws RangeError for a range that is not page-aligned, empty, beyond 52 bits, or overlaps an
   * earlier one.
   */
  add({ base, size }: Region): void {
    const end = base + size;
    if (!(base >= 0 && size > 0 && end <= LIMIT && base % PAGE === 0 && size % PAGE === 0)) {
      throw new RangeError(
        `region ${hex(base)} + ${hex(size)}: base and size are multiples of 4096`,
      );
    }
    const at = this.bases.findIndex((other) => other >= base);
    const index = at < 0 ? this.bases.length : at;
    if ((this.ends[index - 1] ?? 0) > base || (this.bases[index] ?? LIMIT) < end) {
      throw new RangeError(`region ${hex(base)} + ${hex(size)} overlaps an earlier one`);
    }
    this.bases.splice(index, 0, base);
    this.ends.splice(index, 0, end);
  }

  /** Whether the byte at `pa` lies in a region. */
  contains(pa: number): boolean {
    return (pa >= this.lastBase && pa < this.lastEnd) || this.findRegion(pa);
  }

  private findRegion(pa: number): boolean {
    let low = 0;
    let high = this.bases.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.bases[middle]! <= pa) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || pa >= this.ends[low - 1]!) return false;
    this.lastBase = this.bases[low - 1]!;
    this.lastEnd = this.ends[low - 1]!;
    return true;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
