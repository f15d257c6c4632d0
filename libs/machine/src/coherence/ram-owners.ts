/** Physical addresses that are a guest's RAM. */
export interface OwnedRange {
  /** First byte. */
  readonly base: number;
  /** Bytes, not zero. */
  readonly size: number;
  readonly vm: string;
}

/** Whose RAM a physical address is. There may be as many ranges as guests, and every changed descriptor asks. */
export class RamOwners {
  /** In the order of their addresses, without overlaps. */
  private ranges: OwnedRange[] = [];

  /** From here on these addresses are the guest's; what others had of them is theirs no more. */
  assign(range: OwnedRange): void {
    const end = range.base + range.size;
    const first = this.firstEndingAfter(range.base);
    let last = first;
    const left: OwnedRange[] = [];
    for (; last < this.ranges.length && this.ranges[last]!.base < end; last++) {
      const { base, size, vm } = this.ranges[last]!;
      if (base < range.base) left.push({ base, size: range.base - base, vm });
      if (last === first) left.push(range);
      if (base + size > end) left.push({ base: end, size: base + size - end, vm });
    }
    this.ranges.splice(first, last - first, ...(last === first ? [range] : left));
  }

  /** The guest; undefined where the host keeps the memory to itself. */
  ownerOf(pa: number): string | undefined {
    const range = this.ranges[this.firstEndingAfter(pa)];
    return range !== undefined && range.base <= pa ? range.vm : undefined;
  }

  /** Place of the first range whose last byte is at `pa` or above. */
  private firstEndingAfter(pa: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { base, size } = this.ranges[middle]!;
      if (base + size <= pa) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
