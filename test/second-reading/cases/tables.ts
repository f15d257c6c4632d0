import { alignDown, bit, power, swapBytes } from '../reading/bits';
import { shiftOf } from '../reading/walk';
import type { Random } from './random';

/** Where tables and CDs are put: physical memory, or the IPAs of a stream. */
export interface Space {
  /** An address of 2^sizeLog2 free bytes, aligned to that. */
  reserve(sizeLog2: number): bigint;
  read(address: bigint): bigint;
  write(address: bigint, word: bigint): void;
}

/** Translation tables that are made as addresses are mapped. */
export class TableBuilder {
  readonly root: bigint;

  constructor(
    private readonly space: Space,
    private readonly random: Random,
    private readonly shape: {
      readonly pageShift: number;
      readonly startLevel: number;
      readonly inputSize: number;
      readonly bigEndian: boolean;
      /** Percent of table descriptors that get hierarchical attributes. */
      readonly hierarchical: number;
    },
  ) {
    const entriesLog2 = shape.inputSize - shiftOf(shape.pageShift, shape.startLevel);
    this.root = space.reserve(Math.max(6, entriesLog2 + 3));
  }

  /** The root as software may program it: low bits inside its alignment count as zero (§5.2, §5.4). */
  programmedRoot(): bigint {
    const entriesLog2 = this.shape.inputSize - shiftOf(this.shape.pageShift, this.shape.startLevel);
    return this.random.chance(50) ? this.root : this.root | this.random.bits(entriesLog2 + 3);
  }

  /** Bits of input address below a leaf of a level. */
  sizeLog2(level: number): number {
    return shiftOf(this.shape.pageShift, level);
  }

  /** A level for a leaf: mostly one that may have blocks, at times another. */
  leafLevel(): number {
    const { pageShift, startLevel } = this.shape;
    const usual = pageShift === 12 ? [1, 2, 2, 3, 3, 3, 3] : [2, 3, 3, 3];
    const level = this.random.chance(5) ? this.random.below(4) : this.random.pick(usual);
    return Math.max(level, startLevel);
  }

  /** Puts `leaf` (attributes and output address) where `input` leads to at `level`, if that is free. */
  map(input: bigint, level: number, leaf: bigint): boolean {
    const { pageShift, startLevel, inputSize } = this.shape;
    let table = this.root;
    for (let at = startLevel; at <= level; at++) {
      const shift = shiftOf(pageShift, at);
      const width = at === startLevel ? inputSize - shift : pageShift - 3;
      const slot = table + 8n * BigInt.asUintN(width, input >> BigInt(shift));
      const found = this.load(slot);
      if (at === level) {
        if (found !== 0n) return false;
        this.store(slot, leaf | (level === 3 ? 3n : 1n));
        return true;
      }
      if (found === 0n) {
        table = this.space.reserve(pageShift);
        this.store(slot, this.tableDescriptor(table));
      } else if (bit(found, 1)) {
        table = this.addressIn(found);
      } else {
        return false;
      }
    }
    return false;
  }

  /** An output address as descriptors hold it: with 64K, bits [51:48] at [15:12]. */
  encode(address: bigint): bigint {
    const low = BigInt.asUintN(48, address);
    return this.shape.pageShift === 16 ? low | ((address >> 48n) << 12n) : low;
  }

  private addressIn(descriptor: bigint): bigint {
    const low = BigInt.asUintN(48, alignDown(descriptor, this.shape.pageShift));
    const high = this.shape.pageShift === 16 ? (descriptor >> 12n) & 0xfn : 0n;
    return low | (high << 48n);
  }

  private tableDescriptor(table: bigint): bigint {
    const attributes = this.random.chance(this.shape.hierarchical)
      ? power(59 + this.random.below(4))
      : 0n;
    return this.encode(table) | 3n | attributes;
  }

  private load(slot: bigint): bigint {
    const word = this.space.read(slot);
    return this.shape.bigEndian ? swapBytes(word) : word;
  }

  private store(slot: bigint, descriptor: bigint): void {
    this.space.write(slot, this.shape.bigEndian ? swapBytes(descriptor) : descriptor);
  }
}
