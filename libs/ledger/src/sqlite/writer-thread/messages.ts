import type { EncodedDraft } from '../../draft-encoding';
import type { LedgerErrorCode } from '../../ledger-error';
import type { AppendResult } from '../../port';

/** What the thread is started with. */
export interface WriterThreadData {
  readonly file: string;
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyTimeoutMs?: number;
}

/** To the thread: write this batch, or (null) let go of the file and end. */
export type WriterRequest = readonly EncodedDraft[] | null;

/**
 * What became of one draft, without what the asking side knows already: of a commit written, only
 * what the writer added to it.
 */
export type Receipt =
  | {
      readonly kind: 'appended';
      readonly position: number;
      readonly prevHash: string;
      readonly hash: string;
      /** Of each event, in order. */
      readonly versions: readonly number[];
    }
  | { readonly kind: 'duplicate'; readonly position: number }
  | Extract<AppendResult, { readonly kind: 'conflict' | 'command-id-reused' }>
  | WriterFailure;

/** A LedgerError on its way between threads. */
export interface WriterFailure {
  readonly kind: 'failed';
  readonly code: LedgerErrorCode;
  readonly message: string;
}

/** From the thread: the receipts of a batch, or the failure of all of it. */
export type WriterReply = readonly Receipt[] | WriterFailure;
