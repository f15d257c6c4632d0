import type { Fault } from '../events/faults';
import { fieldNumbers } from '../formats/field-reader';
import { L1STD } from '../formats/stream-table-descriptor';
import type { PhysicalMemory } from '../memory/physical-memory';
import { l1stdKey } from '../provenance/cached-entry';
import type { Provenance } from '../provenance/provenance';
import type { ConfigurationCache } from './configuration-cache';
import { StructureReader } from './structure-reader';

/** STRTAB_BASE and STRTAB_BASE_CFG, decoded (IHI 0070 §6.3.23, §6.3.24). */
export interface StreamTableShape {
  readonly base: number;
  readonly log2Size: number;
  readonly twoLevel: boolean;
  /** StreamID bits that the second level resolves. */
  readonly split: number;
}

/** A level-1 descriptor: where its STEs are, and how many. */
export interface L1Std {
  readonly l2Ptr: number;
  readonly span: number;
}

const STE_BYTES = 64;
const L1STD_BYTES = 8;
/** The largest Span: values above are reserved and behave as 0 (IHI 0070 §5.1). */
export const LARGEST_SPAN = 11;
const LARGEST_PA = 2 ** 52;

const readL1std = fieldNumbers(L1STD, ['Span', 'L2Ptr']);

/** Finds and reads STEs, in a linear or a two-level table (IHI 0070 §3.3.1). */
export class StreamTable {
  /** log2 of the STEs in the array where the last one was read: the table, or a level-2 array. */
  arrayLog2 = 0;
  private readonly reader: StructureReader;

  constructor(
    memory: PhysicalMemory,
    private readonly cache: ConfigurationCache,
    private readonly provenance?: Provenance,
  ) {
    this.reader = new StructureReader(memory);
  }

  /** The last STE read, as sixteen 32-bit parts. */
  get parts(): Uint32Array {
    return this.reader.parts;
  }

  /** Reads the STE of a StreamID into `parts`. */
  fetch(shape: StreamTableShape, streamId: number): Fault | undefined {
    this.provenance?.begin();
    if (streamId >= 2 ** shape.log2Size) return { event: 'C_BAD_STREAMID' };
    if (!shape.twoLevel) {
      this.arrayLog2 = shape.log2Size;
      return this.fetchSte(shape.base + streamId * STE_BYTES);
    }
    const index = Math.floor(streamId / 2 ** shape.split);
    const descriptor = this.l1std(shape, index);
    if ('event' in descriptor) return descriptor;
    const { span, l2Ptr } = descriptor;
    const offset = streamId % 2 ** shape.split;
    const spanIsValid = span > 0 && span <= LARGEST_SPAN && span <= shape.split + 1;
    if (!spanIsValid || offset >= 2 ** (span - 1)) return { event: 'C_BAD_STREAMID' };
    // The table is aligned to its size: lower bits of the pointer are taken as zero (IHI 0070 §5.1
    // L2Ptr).
    const bytes = STE_BYTES * 2 ** (span - 1);
    this.arrayLog2 = Math.min(span - 1, shape.log2Size);
    return this.fetchSte(l2Ptr - (l2Ptr % bytes) + offset * STE_BYTES);
  }

  private l1std(shape: StreamTableShape, index: number): L1Std | Fault {
    const cached = this.cache.l1std(index);
    if (cached !== undefined) {
      this.provenance?.through(l1stdKey(index));
      return cached;
    }
    const address = shape.base + index * L1STD_BYTES;
    if (!this.reader.read(address, L1STD_BYTES)) {
      return { event: 'F_STE_FETCH', fetchAddress: address };
    }
    this.provenance?.structure(address, L1STD_BYTES);
    const { Span, L2Ptr } = readL1std(this.reader.parts);
    const descriptor = { span: Span, l2Ptr: L2Ptr % LARGEST_PA };
    this.cache.keepL1std(index, descriptor);
    return descriptor;
  }

  private fetchSte(address: number): Fault | undefined {
    if (!this.reader.read(address, STE_BYTES)) {
      return { event: 'F_STE_FETCH', fetchAddress: address };
    }
    this.provenance?.structure(address, STE_BYTES);
    return undefined;
  }
}
