import type { LedgerErrorCode } from '../../ledger-error';
import type { AppendResult } from '../../port';
import type { PackedBatch } from '../packed-batch';

/** What the thread is started with. */
export interface WriterThreadData {
  readonly file: string;
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyTimeoutMs?: number;
}

/** What the client adds: one 32-bit word, counted up and notified with every request. */
export interface WriterThreadStart extends WriterThreadData {
  readonly bell: SharedArrayBuffer;
}

/** To the thread: write this batch, or (null) let go of the file and end. */
export type WriterRequest = PackedBatch | null;

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

/**
 * From the thread: what became of the next so many requests, which were written in one
 * transaction.
 */
export interface WriterReply {
  readonly requests: number;
  /** Of their drafts, packed, or the failure of all. */
  readonly answer: PackedReceipts | WriterFailure;
}

/**
 * Receipts as few flat arrays, which pass between threads in a fraction of the time that as many
 * objects take.
 */
export interface PackedReceipts {
  /** Position and previous hash of the first commit written; the others follow it in order. */
  readonly position: number;
  readonly prevHash: string;
  /** Of the commits written. */
  readonly hashes: readonly string[];
  /** Of all their events. */
  readonly versions: readonly number[];
  /** How many events each has. */
  readonly eventCounts: readonly number[];
  /** Receipts of the other drafts, each with its place among all. */
  readonly others: readonly (readonly [at: number, receipt: Receipt])[];
}

export function packReceipts(receipts: readonly Receipt[]): PackedReceipts {
  const hashes: string[] = [];
  const versions: number[] = [];
  const eventCounts: number[] = [];
  const others: [number, Receipt][] = [];
  let first: { readonly position: number; readonly prevHash: string } | undefined;
  receipts.forEach((receipt, at) => {
    if (receipt.kind !== 'appended') {
      others.push([at, receipt]);
      return;
    }
    first ??= receipt;
    hashes.push(receipt.hash);
    eventCounts.push(receipt.versions.length);
    for (const version of receipt.versions) versions.push(version);
  });
  const { position, prevHash } = first ?? { position: 0, prevHash: '' };
  return { position, prevHash, hashes, versions, eventCounts, others };
}

export function unpackReceipts(packed: PackedReceipts): Receipt[] {
  const { hashes, versions, eventCounts } = packed;
  const others = new Map(packed.others);
  const receipts: Receipt[] = [];
  let { position, prevHash } = packed;
  let written = 0;
  let versionAt = 0;
  for (let at = 0; at < hashes.length + others.size; at++) {
    const other = others.get(at);
    if (other !== undefined) {
      receipts.push(other);
      continue;
    }
    const hash = hashes[written]!;
    const versionEnd = versionAt + eventCounts[written++]!;
    const own = versions.slice(versionAt, versionEnd);
    receipts.push({ kind: 'appended', position: position++, prevHash, hash, versions: own });
    prevHash = hash;
    versionAt = versionEnd;
  }
  return receipts;
}
