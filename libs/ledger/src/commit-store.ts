import type { ArchiveRecord } from './archive/archived-commit';
import type { EncodedDraft } from './draft-encoding';
import type { LedgerError } from './ledger-error';
import type {
  Archive,
  CommitHeader,
  AppendResult,
  CommitEvents,
  StoredCommit,
  StoredEvent,
} from './port';
import type { CommitRow, EventRow, StoredText } from './rows';

/**
 * A value now or later: a store in this thread answers at once, one in a worker or across a network
 * does not.
 */
export type Eventually<T> = T | Promise<T>;

/** One page of commits; positions `after` < p ≤ `until`, at most `limit` commits. */
export interface CommitPage {
  readonly after: number;
  readonly until: number;
  readonly limit: number;
  readonly host?: string;
}

/** One page of a stream; versions > `after`, positions ≤ `until`, at most `limit` events. */
export interface EventPage {
  readonly stream: string;
  readonly after: number;
  readonly until: number;
  readonly limit: number;
}

/** One page of names: those after `after` in the order of their code points ('' for the first), at most `limit`. */
export interface NamePage {
  readonly after: string;
  readonly limit: number;
}

/**
 * How a store that can take the next batch while it writes one wants them. It writes them in the
 * order given, as many in one transaction as it likes.
 */
export interface BatchPace {
  /** Commits in a batch. */
  readonly batch: number;
  /** Batches given that are not answered yet. */
  readonly underWay: number;
}

/**
 * What differs between adapters. Everything that needs no knowledge of the store (queueing, paging,
 * subscriptions, verification) is built on this, once.
 */
export interface CommitStore {
  /** How batches are to be handed over; absent where one must be answered before the next is given. */
  readonly pace?: BatchPace;
  /**
   * Writes all admitted drafts of a batch in one durable transaction, in order. A refused draft
   * leaves the others alone.
   * @throws LedgerError when nothing of the batch was written.
   */
  appendBatch(batch: readonly EncodedDraft[]): Eventually<readonly (AppendResult | LedgerError)[]>;
  latest(): Eventually<number>;
  commitPage(page: CommitPage): Eventually<readonly StoredCommit[]>;
  /** The same page, its commits as far as a fold needs them. */
  commitEventsPage(page: CommitPage): Eventually<readonly CommitEvents[]>;
  eventPage(page: EventPage): Eventually<readonly StoredEvent[]>;
  /** What stays of commits that are archived, and the same of all others. */
  headerPage(page: CommitPage): Eventually<readonly CommitHeader[]>;
  archives(): Eventually<readonly Archive[]>;
  archiveOfHost(host: string): Eventually<Archive | undefined>;
  archiveOfStream(stream: string): Eventually<Archive | undefined>;
  hostPage(page: NamePage): Eventually<readonly string[]>;
  /** Streams whose names begin with `kind` and a slash. */
  streamPage(kind: string, page: NamePage): Eventually<readonly string[]>;
  /** The raw rows, for verification. */
  rawLog(): RawLog;
  close(): Eventually<void>;
}

/** A row of `commits` as bytes. */
export interface RawCommit {
  readonly row: CommitRow<StoredText>;
  /** Whether every column is of the type the schema gives it. */
  readonly typed: boolean;
}

/** A row of `events` as bytes. */
export interface RawEvent {
  /** Where the row stands in the table; rows are inserted in the order of (position, idx). */
  readonly rowid: number;
  readonly row: EventRow<StoredText>;
  readonly typed: boolean;
}

/**
 * The log as it lies in the store, for verification: nothing is parsed and no index is trusted.
 * Any method may throw LedgerError `corrupt`.
 */
export interface RawLog {
  /** Hosts whose commits are in archives. */
  archives(): Eventually<readonly ArchiveRecord[]>;
  commitCount(): Eventually<number>;
  /** Commits with position > after, in order. */
  commits(after: number, limit: number): Eventually<readonly RawCommit[]>;
  /** Events with rowid > after, in the order of their rowids. */
  events(after: number, limit: number): Eventually<readonly RawEvent[]>;
  /** The lowest position below `position` among the events whose rowid is > `after`. */
  misplacedEvent(position: number, after: number): Eventually<number | undefined>;
  /** The lowest position beyond `position` that a digest is recorded for. */
  digestAfter(position: number): Eventually<number | undefined>;
  /**
   * What is wrong with the file as a structure (indexes that disagree with tables, damaged pages).
   */
  structure(): Eventually<{ readonly position: number; readonly reason: string } | undefined>;
}
