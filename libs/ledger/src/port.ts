import type { JsonObject } from './json';

/** One fact to be recorded. It goes to its stream at the stream's next version. */
export interface NewEvent {
  /** `kind/id` of the aggregate. */
  readonly stream: string;
  readonly type: string;
  /** Given by the ledger, never by the caller. */
  readonly version?: never;
  /** Version of the event type, 1 or more. */
  readonly schema: number;
  readonly payload: JsonObject;
  /** Bulk data beside the payload (guest memory, command arrays), stored as it is. */
  readonly words?: Uint8Array;
}

/**
 * What a decision came to: accepted, or refused with the kernel's errno, a stable code and a
 * sentence.
 */
export type Outcome =
  | (JsonObject & { readonly ok: true })
  | (JsonObject & {
      readonly ok: false;
      readonly errno: string;
      readonly code: string;
      readonly reason: string;
    });

/**
 * The version a decision saw of a stream: the number of its events, 0 for one that does not exist.
 */
export interface StreamRead {
  readonly stream: string;
  readonly version: number;
}

/** One decided command with its outcome and events, to be appended as a whole or not at all. */
export interface CommitDraft {
  readonly host: string;
  /** RFC 3339 in UTC, e.g. `2026-01-31T12:00:00.000Z`. */
  readonly at: string;
  readonly actor: string;
  /** Makes a retry harmless: unique in the ledger. */
  readonly commandId: string;
  readonly command: JsonObject;
  readonly commandWords?: Uint8Array;
  readonly outcome: Outcome;
  readonly correlationId?: string;
  readonly causationId?: string;
  /**
   * Every stream the decision looked at. The commit is refused when one has moved. A stream written
   * but not read is appended to at whatever version it has.
   */
  readonly reads: readonly StreamRead[];
  /** Empty when the outcome is a rejection. */
  readonly events: readonly NewEvent[];
}

/** An event as the ledger holds it; `position/idx` is its name. */
export interface StoredEvent {
  readonly position: number;
  /** 0, 1, 2 … within its commit. */
  readonly idx: number;
  readonly stream: string;
  /** 1, 2, 3 … within its stream. */
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly payload: JsonObject;
  readonly words?: Uint8Array;
}

/** What a fold needs of a commit: what happened, not who asked for what and was answered what. */
export interface CommitEvents {
  /** 1, 2, 3 … in the ledger, no gaps. */
  readonly position: number;
  readonly host: string;
  /** Empty for a command that was refused. */
  readonly events: readonly StoredEvent[];
}

/** A commit as the ledger holds it. Hashes are 64 lower-case hex digits. */
export interface StoredCommit extends CommitEvents {
  readonly at: string;
  readonly actor: string;
  readonly commandId: string;
  readonly command: JsonObject;
  readonly commandWords?: Uint8Array;
  readonly outcome: Outcome;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly prevHash: string;
  readonly hash: string;
}

/**
 * The ledger's answer to a draft:
 * - `appended`: durable.
 * - `duplicate`: this command was already committed (same id, host, actor and body); its stored
 *   answer.
 * - `conflict`: a stream that the decision read has moved; nothing was written.
 * - `command-id-reused`: the id belongs to another command, at `position`; nothing was written.
 */
export type AppendResult =
  | { readonly kind: 'appended'; readonly commit: StoredCommit }
  | { readonly kind: 'duplicate'; readonly commit: StoredCommit }
  | {
      readonly kind: 'conflict';
      readonly stream: string;
      readonly expected: number;
      readonly actual: number;
    }
  | { readonly kind: 'command-id-reused'; readonly position: number };

/** What the ledger says of every commit, of archived ones too. */
export type CommitHeader = Pick<StoredCommit, 'position' | 'host' | 'at' | 'hash'>;

/** A host whose commits were moved into an archive. */
export interface Archive {
  readonly host: string;
  readonly commits: number;
  readonly events: number;
  /** The file as it was named when it was written. */
  readonly file: string;
  /** SHA-256 of that file, 64 hex digits. */
  readonly sha256: string;
  /** When; RFC 3339 in UTC. */
  readonly at: string;
}

/** Which commits to read; all bounds are positions. */
export interface CommitRange {
  /** Only commits after this position; 0 by default. */
  readonly after?: number;
  /**
   * Only commits up to and including this position; the latest at the time of the call by default.
   */
  readonly until?: number;
  readonly host?: string;
}

/** Which events of a stream to read. */
export interface StreamRange {
  /** Only events after this version of the stream; 0 by default. */
  readonly after?: number;
  /** Only events up to and including this position. */
  readonly until?: number;
}

/**
 * What `verify` found. `firstBad.position` is 0 when the file is damaged in a place that belongs to
 * no commit.
 */
export interface Verification {
  readonly ok: boolean;
  /** Commits in the ledger. */
  readonly commits: number;
  readonly firstBad: null | { readonly position: number; readonly reason: string };
  /**
   * Hosts whose commits are in archives, by host; absent when there are none. Of those commits the chain and what stays
   * of them was checked; what they hold only their archive shows.
   */
  readonly archived?: readonly Pick<Archive, 'host' | 'commits' | 'file' | 'sha256'>[];
}

/** Receives commits one at a time, in order; the next one waits for the promise. */
export type CommitListener = (commit: StoredCommit) => void | Promise<void>;

/** A running subscription. */
export interface Subscription {
  /** The last position whose listener has returned. */
  readonly position: number;
  /**
   * Resolves when `position` has been handled; rejects when the subscription ends before that.
   */
  reached(position: number): Promise<void>;
  /**
   * Ends it after the commit being handled, and resolves then. A listener may call this, but must
   * not await it.
   */
  stop(): Promise<void>;
  /**
   * Resolves when stopped; rejects with LedgerError `subscription-failed` when the listener threw.
   * Not handling it is an unhandled rejection on purpose: a projection that stopped must not go
   * unnoticed.
   */
  readonly done: Promise<void>;
}

/**
 * The event store as everything else sees it. Every adapter passes `describeLedgerContract`.
 * All methods reject with LedgerError `closed` after `close`.
 */
export interface Ledger {
  /**
   * Appends a commit. Resolves once it is durable, or was refused.
   * @throws LedgerError `invalid-draft`, `queue-full`, `read-only`, `busy`, `io`, `corrupt`: nothing
   *   was written; `outcome-unknown`: it may have been. After any of them a retry with the same
   *   command id is safe.
   */
  append(draft: CommitDraft): Promise<AppendResult>;
  /** The last commit's position; 0 when empty. */
  latest(): Promise<number>;
  /** @throws LedgerError `archived` for a commit that is in an archive. */
  commit(position: number): Promise<StoredCommit | undefined>;
  /**
   * Commits in order, read in pages; ends at `until` or at what was the latest commit when reading
   * began. Archived ones are left out.
   * @throws LedgerError `archived` when they are those of an archived host.
   */
  commits(range?: CommitRange): AsyncIterable<StoredCommit>;
  /** The same commits, as far as a fold needs them, which is read in half the time. */
  events(range?: CommitRange): AsyncIterable<CommitEvents>;
  /** Every commit in order, archived ones too, by what stays of it. */
  headers(range?: Omit<CommitRange, 'host'>): AsyncIterable<CommitHeader>;
  /** Which hosts' commits are in archives, by host. */
  archives(): Promise<readonly Archive[]>;
  /** Names of the hosts that have commits that are not archived, in the order of their code points, read in pages. */
  hosts(): AsyncIterable<string>;
  /** Names of the streams of a kind (`kind/…`), in the order of their code points, read in pages. */
  streams(kind: string): AsyncIterable<string>;
  /**
   * Events of one stream in order, read in pages.
   * @throws LedgerError `archived` for one that is in an archive.
   */
  stream(stream: string, range?: StreamRange): AsyncIterable<StoredEvent>;
  /** Every commit after position `after`, those to come included: in order, no gap, no repeat. */
  subscribe(after: number, listener: CommitListener): Subscription;
  /** Recomputes the hash chain from the stored bytes and checks positions, versions and digests. */
  verify(): Promise<Verification>;
  /**
   * Writes what is queued, ends subscriptions, lets go of the store. Calling it again does nothing.
   */
  close(): Promise<void>;
}
