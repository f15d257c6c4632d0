import type { Hex } from '../hex';

/** Guest RAM: `size` bytes at guest `ipa`, backed at host `pa`. */
export interface RamRange {
  readonly ipa: Hex;
  readonly size: Hex;
  readonly pa: Hex;
}

export type VmEvent =
  | {
      readonly type: 'VmCreated';
      readonly vm: string;
      readonly host: string;
      readonly owner: string;
      readonly ram: readonly RamRange[];
    }
  | {
      /** `words`: pairs of (IPA, 64-bit word) that the guest's CPUs stored, in order. */
      readonly type: 'GuestMemoryWritten';
      readonly vm: string;
      readonly count: number;
      readonly words: BigUint64Array;
    }
  | {
      /** `words`: DMA accesses in order, see dma-batch.ts. */
      readonly type: 'DmaPerformed';
      readonly vm: string;
      readonly devices: readonly string[];
      readonly count: number;
      readonly words: BigUint64Array;
    };
