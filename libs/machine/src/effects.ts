import type { PageFault } from '@steward/domain';

/**
 * What the machine did in answer to a commit. Effects can always be computed again from the log; a replay
 * that computes others is a finding.
 */
export type MachineEffect =
  | {
      /** An STE as it stood in memory at a CMD_CFGI_STE: 8 words. */
      readonly kind: 'ste-at-sync';
      readonly payload: { readonly smmu: string; readonly streamId: number };
      readonly words: BigUint64Array;
    }
  | {
      /**
       * Commands an SMMU consumed, in order, two words each. `removed`: cached entries each took away,
       * as [configuration, stage 1, stage 2, nested].
       */
      readonly kind: 'commands';
      readonly payload: {
        readonly smmu: string;
        readonly origin: 'driver' | 'guest';
        readonly removed: readonly (readonly [number, number, number, number])[];
      };
      readonly words: BigUint64Array;
    }
  | {
      /** A command an SMMU stopped at with an error. */
      readonly kind: 'command-error';
      readonly payload: { readonly smmu: string; readonly error: string };
      readonly words: BigUint64Array;
    }
  | {
      /** A record the host driver read from a physical event queue: 4 words. */
      readonly kind: 'hardware-event';
      readonly payload: { readonly smmu: string };
      readonly words: BigUint64Array;
    }
  | {
      /** A record handed to a guest's vEVENTQ, its StreamID already the vSID: 4 words. */
      readonly kind: 'guest-event';
      readonly payload: {
        readonly vsmmu: string;
        readonly device: string;
        readonly vsid: number;
      };
      readonly words: BigUint64Array;
    }
  | {
      /** A page fault handed to a fault queue: the event record, 4 words. */
      readonly kind: 'page-fault';
      readonly payload: { readonly faultQueue: string } & PageFault;
      readonly words: BigUint64Array;
    }
  | {
      /**
       * Outcomes of a DMA batch, two words an access: verdict [1:0] (0 matched, 1 faulted, 2 mismatched),
       * outcome [3:2] (0 ok, 1 abort, 2 no memory, 3 RAZ/WI), readable [4], writable [5]; then the PA.
       */
      readonly kind: 'dma';
      readonly payload: {
        readonly vm: string;
        readonly accesses: number;
        readonly matched: number;
        readonly faulted: number;
        readonly mismatched: number;
        /** The first mismatches, for people. */
        readonly mismatches: readonly string[];
      };
      readonly words: BigUint64Array;
    }
  | {
      /** The guest's event queue could not take a record: its PROD shows the overflow. */
      readonly kind: 'guest-event-lost';
      readonly payload: { readonly vsmmu: string };
      readonly words: BigUint64Array;
    };
