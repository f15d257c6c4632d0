import { alignDown, power } from '../reading/bits';
import type { PhysicalSpace } from './physical';
import type { Random } from './random';
import type { Space, TableBuilder } from './tables';

/** The IPAs of a stream with two stages: what is put there is mapped, a page at a time, as it comes. */
export class IntermediateSpace implements Space {
  private readonly pages = new Map<bigint, bigint>();

  constructor(
    private readonly physical: PhysicalSpace,
    private readonly random: Random,
    private readonly stage2: TableBuilder,
    private readonly pageShift: number,
    /** Bits of the largest IPA in use. */
    private readonly size: number,
    private readonly pageAttributes: () => bigint,
  ) {}

  reserve(sizeLog2: number): bigint {
    return alignDown(this.random.bits(this.size), Math.max(sizeLog2, this.pageShift));
  }

  read(address: bigint): bigint {
    return this.physical.read(this.locate(address));
  }

  write(address: bigint, word: bigint): void {
    this.physical.write(this.locate(address), word);
  }

  private locate(ipa: bigint): bigint {
    const page = alignDown(ipa, this.pageShift);
    let pa = this.pages.get(page);
    if (pa === undefined) {
      pa = this.physical.reserve(this.pageShift);
      this.pages.set(page, pa);
      this.stage2.map(page, 3, this.stage2.encode(pa) | this.pageAttributes());
    }
    return pa + (ipa & (power(this.pageShift) - 1n));
  }
}
