import type { RamRange } from './events';

/** A run of like things a guest did: `count` stores or `count` DMA accesses. */
export interface ActivitySegment {
  readonly op: 'write' | 'dma';
  readonly count: number;
}

export type VmCommand =
  | {
      readonly type: 'CreateVm';
      readonly vm: string;
      readonly host: string;
      readonly owner: string;
      readonly ram: readonly RamRange[];
    }
  | {
      /**
       * What a guest's CPUs and devices did between two command-queue kicks, in order. `words` holds the
       * segments one after the other: (IPA, word) pairs of a `write`, three words an access of a `dma`.
       */
      readonly type: 'GuestActs';
      readonly vm: string;
      readonly devices: readonly string[];
      readonly segments: readonly ActivitySegment[];
      readonly words: BigUint64Array;
    };
