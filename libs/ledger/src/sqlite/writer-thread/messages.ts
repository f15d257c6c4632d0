import type { LedgerErrorCode } from '../../ledger-error';
import type { AppendResult } from '../../port';
import type { PackedBatch } from '../packed-batch';

/** What the thread is started with. */
export interface WriterThreadData {
  readonly file: string;
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyTimeoutMs?: number;
  /** How long the WAL may become before it is folded into the file, in bytes, about. */
  readonly foldBytes?: number;
}

/** What the client adds: one 32-bit word, counted up and notified with every request. */
export interface WriterThreadStart extends WriterThreadData {
  readonly bell: SharedArrayBuffer;
}

/** To the thread: write this batch, or (null) let go of the file and end. */
export type WriterRequest = PackedBatch | null;

/**
 * What became of one draft, without what the asking side knows already: of a commit written, what
 * the bytes of its batch do not say.
 */
export type Receipt =
  | { readonly kind: 'appended'; readonly position: number; readonly hash: string }
  | { readonly kind: 'duplicate'; readonly position: number }
  | Extract<AppendResult, { readonly kind: 'conflict' | 'command-id-reused' }>
  | WriterFailure;

/** A LedgerError on its way between threads. */
export interface WriterFailure {
  readonly kind: 'failed';
  readonly code: LedgerErrorCode;
  readonly message: string;
}

/**
 * From the thread: what became of the next so many batches, which were written in one transaction.
 */
export interface WriterReply {
  readonly requests: number;
  /** Of their drafts, packed, or the failure of all. */
  readonly answer: PackedReceipts | WriterFailure;
  /** The memory of each batch, moved back; what was written has its place in the log in there. */
  readonly bytes: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Receipts as few flat arrays, which pass between threads in a fraction of the time that as many
 * objects take.
 */
export interface PackedReceipts {
  /** Position of the first commit written; the others follow it in order. */
  readonly position: number;
  /** Of the commits written. */
  readonly hashes: readonly string[];
  /** Receipts of the other drafts, each with its place among all. */
  readonly others: readonly (readonly [at: number, receipt: Receipt])[];
}

export function packReceipts(receipts: readonly Receipt[]): PackedReceipts {
  const hashes: string[] = [];
  const others: [number, Receipt][] = [];
  let position = 0;
  receipts.forEach((receipt, at) => {
    if (receipt.kind !== 'appended') {
      others.push([at, receipt]);
      return;
    }
    if (hashes.push(receipt.hash) === 1) position = receipt.position;
  });
  return { position, hashes, others };
}

export function unpackReceipts({ position, hashes, others }: PackedReceipts): Receipt[] {
  const receipts: Receipt[] = [];
  let other = 0;
  for (let written = 0; receipts.length < hashes.length + others.length;) {
    const [at, receipt] = others[other] ?? [];
    if (receipt !== undefined && at === receipts.length) {
      receipts.push(receipt);
      other++;
      continue;
    }
    const hash = hashes[written]!;
    receipts.push({ kind: 'appended', position: position + written++, hash });
  }
  return receipts;
}
