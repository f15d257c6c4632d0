import type { Implementation } from './implementation';

/** Physical memory: 64-bit words where it answers, `undefined` where nothing does. */
export interface Memory {
  read(pa: bigint): bigint | undefined;
  write(pa: bigint, word: bigint): void;
}

/** The registers that translation reads, as written. */
export interface Registers {
  readonly CR0: bigint;
  readonly CR2: bigint;
  readonly GBPA: bigint;
  readonly STRTAB_BASE: bigint;
  readonly STRTAB_BASE_CFG: bigint;
}

/** One SMMU and its memory. There are no caches: every access reads everything anew. */
export interface Machine {
  readonly implementation: Implementation;
  readonly registers: Registers;
  readonly memory: Memory;
}

/** An access as a device makes it, or the wish of one: what is known of it in every event record. */
export interface Access {
  readonly streamId: number;
  readonly substreamId: number | undefined;
  readonly address: bigint;
  readonly write: boolean;
  readonly privileged: boolean;
  readonly instruction: boolean;
}
