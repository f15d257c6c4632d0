import { addressBits, alignDown, bit, bits, power, swapBytes } from './bits';
import type { EventKind } from './faults';

/** A walk of VMSAv8-64 tables of either stage (DDI 0487 D8.2, D8.3). */
export interface Walk {
  readonly table: bigint;
  readonly pageShift: number;
  readonly startLevel: number;
  readonly inputSize: number;
  /** Bits of an output address that do not fault. */
  readonly outputSize: number;
  readonly bigEndian: boolean;
  /** Whether physical addresses have 52 bits, which 64K tables then can hold. */
  readonly pa52: boolean;
}

/** A block or page descriptor, and where it was found. */
export interface Leaf {
  readonly descriptor: bigint;
  /** The address of the descriptor, in the space the table lies in. */
  readonly at: bigint;
  readonly level: number;
  readonly output: bigint;
  readonly sizeLog2: number;
  /** Every table descriptor passed on the way, OR-ed together: the hierarchical attributes. */
  readonly tables: bigint;
}

/** Bits of input address below the index of a level. */
export function shiftOf(pageShift: number, level: number): number {
  return pageShift + (pageShift - 3) * (3 - level);
}

function blockAllowed(pageShift: number, level: number, pa52: boolean): boolean {
  if (pageShift === 12) return level === 1 || level === 2;
  return level === 2 || (pageShift === 16 && level === 1 && pa52);
}

function outputOf(descriptor: bigint, walk: Walk, lowest: number): bigint {
  const low = alignDown(addressBits(descriptor, 47, 12, 12), lowest);
  const high = walk.pageShift === 16 && walk.pa52 ? bits(descriptor, 15, 12) : 0;
  return low | (BigInt(high) << 48n);
}

/** The start table's address: aligned to its size, and to 64 bytes where outputs have 52 bits. */
function startTable(walk: Walk): bigint {
  const entriesLog2 = walk.inputSize - shiftOf(walk.pageShift, walk.startLevel);
  return alignDown(walk.table, Math.max(entriesLog2 + 3, walk.outputSize === 52 ? 6 : 4));
}

/**
 * Walks from the start table to a leaf. `read` fetches the word at an address, or throws; `fail`
 * makes the fault to throw.
 */
export function walkTables(
  walk: Walk,
  input: bigint,
  read: (at: bigint) => bigint,
  fail: (kind: EventKind) => unknown,
): Leaf {
  let table = startTable(walk);
  let tables = 0n;
  for (let level = walk.startLevel; level <= 3; level++) {
    const shift = shiftOf(walk.pageShift, level);
    const indexBits = level === walk.startLevel ? walk.inputSize - shift : walk.pageShift - 3;
    const at = table + 8n * BigInt.asUintN(indexBits, input >> BigInt(shift));
    const word = read(at);
    const descriptor = walk.bigEndian ? swapBytes(word) : word;
    if (!bit(descriptor, 0)) throw fail('F_TRANSLATION');
    const isTable = bit(descriptor, 1) && level < 3;
    const isLeaf = bit(descriptor, 1)
      ? level === 3
      : level < 3 && blockAllowed(walk.pageShift, level, walk.pa52);
    if (!isTable && !isLeaf) throw fail('F_TRANSLATION');
    const next = outputOf(descriptor, walk, isTable ? walk.pageShift : shift);
    if (next >= power(walk.outputSize)) throw fail('F_ADDR_SIZE');
    if (isLeaf) {
      const output = next | BigInt.asUintN(shift, input);
      return { descriptor, at, level, output, sizeLog2: shift, tables };
    }
    table = next;
    tables |= descriptor;
  }
  throw new Error('a level-3 descriptor is a leaf or a fault');
}
