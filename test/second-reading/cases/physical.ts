import { alignDown, power } from '../reading/bits';
import type { Random } from './random';
import type { Space } from './tables';

export interface RamRegion {
  readonly base: number;
  readonly size: number;
}

/** The queues lie by themselves, where no case puts anything else. */
export const QUEUES: RamRegion = { base: 0x1000_0000, size: 0x10_0000 };
const SIZE = 0x1000_0000;

/** Physical memory of one case: one region low, and a second as high as addresses go. */
export class PhysicalSpace implements Space {
  readonly regions: readonly RamRegion[];
  readonly words = new Map<bigint, bigint>();
  private readonly next: bigint[];

  constructor(
    private readonly random: Random,
    oas: number,
  ) {
    const low = { base: 0x4000_0000, size: SIZE };
    this.regions = oas > 32 ? [low, { base: 2 ** oas - SIZE, size: SIZE }] : [low];
    this.next = this.regions.map((region) => BigInt(region.base));
  }

  reserve(sizeLog2: number): bigint {
    const n = this.random.below(this.regions.length);
    const address = alignDown(this.next[n]! + power(sizeLog2) - 1n, sizeLog2);
    // A large sparse table may reach over what follows it: only the words it uses are ever written.
    this.next[n] = address + power(Math.min(sizeLog2, 21));
    return address;
  }

  /** Any address in memory. */
  anywhere(): bigint {
    const region = this.random.pick(this.regions);
    return BigInt(region.base) + BigInt(this.random.below(region.size));
  }

  read(address: bigint): bigint {
    return this.words.get(address) ?? 0n;
  }

  write(address: bigint, word: bigint): void {
    this.words.set(address, word);
  }
}
