import type { Removed } from './cache/removed';
import type { CommandWords } from './formats/commands';
import type { StalenessWatcher } from './provenance/provenance';
import type { Outcome, Transaction } from './transaction';

/** How the completion of a CMD_SYNC is told (IHI 0070 §4.7.3 ComplSignal). */
export type CompletionSignal =
  /** The wired interrupt; with `message`, a 32-bit write as well. */
  | {
      readonly kind: 'interrupt';
      readonly message?: { readonly address: number; readonly data: number };
    }
  /** An event to the PEs, like SEV. */
  | { readonly kind: 'event' };

/** Hears what an SMMU does, in order. Called synchronously; an observer must not touch the SMMU. */
export interface SmmuObserver {
  /** Told when cached entries and memory part. Absent: nobody keeps track of it. */
  readonly staleness?: StalenessWatcher | undefined;
  /** A command was consumed, and removed this many cached entries. */
  commandConsumed?(words: CommandWords, removed: Removed): void;
  /** A command stopped consumption. For CERROR_ABT the words could not be read and are zero. */
  commandError?(
    words: CommandWords,
    error: 'CERROR_ILL' | 'CERROR_ABT' | 'CERROR_ATC_INV_SYNC',
  ): void;
  /** A CMD_SYNC completed and says so; one with SIG_NONE does not. */
  completionSignalled?(signal: CompletionSignal): void;
  /**
   * An event arose; `queued` says whether its record reached the event queue. The record of a stall
   * is heard of when it is written: until then the transaction only waits.
   */
  eventRecorded?(record: readonly bigint[], queued: boolean): void;
  /**
   * A stall is over: the transaction was terminated (no event), or translated anew, which may have
   * made it stall again, with a STAG and a record of its own.
   */
  stallEnded?(e: {
    readonly stag: number;
    readonly transaction: Transaction;
    readonly outcome: Outcome;
  }): void;
}
