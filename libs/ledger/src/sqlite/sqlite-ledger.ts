import type Database from 'better-sqlite3';
import type {
  BatchPace,
  CommitPage,
  CommitStore,
  EventPage,
  NamePage,
  RawLog,
} from '../commit-store';
import type { EncodedDraft } from '../draft-encoding';
import { LedgerError } from '../ledger-error';
import { BATCH_LIMIT, PARCEL_COMMITS } from '../limits';
import type {
  AppendResult,
  Archive,
  CommitEvents,
  CommitHeader,
  StoredCommit,
  StoredEvent,
} from '../port';
import { StoreLedger, type StoreLedgerOptions } from '../store-ledger';
import { ArchiveTables } from './archive-tables';
import { CommitReader } from './commit-reader';
import { CommitWriter } from './commit-writer';
import { openConnection, type OpenMode } from './connection';
import { walBytes } from './file-inspection';
import { openLedgerFile } from './ledger-file';
import { NameReader } from './name-reader';
import { packBatch, writtenCommit, type PackedBatch } from './packed-batch';
import { asLedgerError, guarded } from './sqlite-error';
import { SqliteRawLog } from './sqlite-raw-log';
import type { Receipt } from './writer-thread/messages';
import { WriterClient, type WrittenBatch } from './writer-thread/writer-client';

/** How to open a ledger in an SQLite file. */
export interface SqliteLedgerOptions extends StoreLedgerOptions {
  readonly file: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  readonly mode: OpenMode;
  /** How long to wait for another process's lock, in milliseconds; 5,000 by default. */
  readonly busyTimeoutMs?: number;
  /**
   * Where commits are written: in a thread of its own (the default), so that no fsync blocks the
   * caller's event loop, or on the caller's, which has no thread to start: for checks that open
   * thousands of ledgers for a commit each.
   */
  readonly writer?: 'thread' | 'here';
  /**
   * How long the write-ahead log may become before a thread beside the writer folds it into the file, in bytes,
   * about; 16 MiB by default.
   */
  readonly foldBytes?: number;
  /** Told of each transaction that is durable, and how many commits share it. */
  readonly onTransaction?: (commits: number) => void;
  /** Told what was found and done when the ledger was opened, a sentence at a time. */
  readonly log?: (line: string) => void;
}

const POLL_MS = 200;

/** The event store in one SQLite file, through better-sqlite3. */
export class SqliteLedger extends StoreLedger {
  private constructor(store: CommitStore, options: StoreLedgerOptions) {
    super(store, options);
  }

  /**
   * Opens a ledger. For writing, pending migrations are applied first; for reading, nothing is
   * changed.
   * @throws LedgerError `missing`, `not-a-ledger`, `newer-version`, `older-version`,
   *   `unknown-schema`, `corrupt`, `busy`, `io`, `bad-migrations`, `not-durable`, `sqlite-too-old`
   */
  static async open(options: SqliteLedgerOptions): Promise<SqliteLedger> {
    return new SqliteLedger(new SqliteCommitStore(options), { pollMs: POLL_MS, ...options });
  }
}

/** What the store asks of its writer, wherever that runs. */
type BatchWriter = Pick<WriterClient, 'append' | 'close'>;

/** The thread takes what has come whenever it is ready for the next transaction. */
const THREAD_PACE: BatchPace = { batch: PARCEL_COMMITS, underWay: BATCH_LIMIT / PARCEL_COMMITS };

function writerOf(options: SqliteLedgerOptions): BatchWriter {
  const { file, busyTimeoutMs, foldBytes, writer, onTransaction = () => undefined } = options;
  const connection = { file, ...(busyTimeoutMs !== undefined && { busyTimeoutMs }) };
  if (writer !== 'here') {
    const data = { ...connection, ...(foldBytes !== undefined && { foldBytes }) };
    return new WriterClient(data, onTransaction);
  }
  let here: CommitWriter | undefined;
  return {
    append: async (batch) => {
      here ??= new CommitWriter(() => openConnection({ ...connection, mode: 'write' }), file);
      const receipts = await here.append([batch]);
      onTransaction(receipts.filter(({ kind }) => kind === 'appended').length);
      return { batch, receipts };
    },
    close: async () => here?.close(),
  };
}

class SqliteCommitStore implements CommitStore {
  readonly pace?: BatchPace;
  private readonly file: string;
  private readonly reading: Database.Database;
  private readonly reader: CommitReader;
  private readonly names: NameReader;
  private readonly archived: ArchiveTables;
  /** Absent when opened for reading. */
  private readonly writer: BatchWriter | undefined;

  constructor(options: SqliteLedgerOptions) {
    const { file, mode } = options;
    this.file = file;
    if (mode !== 'read') {
      // Migrates here, so that whoever opens the ledger is told of what is wrong with it; then the
      // writer thread is the only one that writes.
      const left = leftBehind(file);
      openLedgerFile(options).db.close();
      if (left !== undefined) options.log?.(left);
      this.writer = writerOf(options);
      if (options.writer !== 'here') this.pace = THREAD_PACE;
    }
    // Readers have a connection of their own: they see only what is committed, and never hold up
    // the writer.
    this.reading = openLedgerFile({ ...options, mode: 'read' }).db;
    try {
      this.reader = new CommitReader(this.reading);
      this.names = new NameReader(this.reading);
      this.archived = new ArchiveTables(this.reading);
    } catch (error) {
      this.reading.close();
      throw asLedgerError(error, file);
    }
  }

  /** Keeps nothing of the drafts but their bytes while they are written: no `async`, which would. */
  appendBatch(batch: readonly EncodedDraft[]): Promise<readonly (AppendResult | LedgerError)[]> {
    if (this.writer === undefined) {
      const error = new LedgerError('read-only', `${this.file}: opened for reading`);
      return Promise.reject(error);
    }
    return this.writer.append(packBatch(batch)).then((written) => this.answers(written));
  }

  latest(): number {
    return guarded(this.file, () => this.reader.latest());
  }

  commitPage(page: CommitPage): readonly StoredCommit[] {
    return guarded(this.file, () => this.reader.commitPage(page));
  }

  commitEventsPage(page: CommitPage): readonly CommitEvents[] {
    return guarded(this.file, () => this.reader.commitEventsPage(page));
  }

  eventPage(page: EventPage): readonly StoredEvent[] {
    return guarded(this.file, () => this.reader.eventPage(page));
  }

  headerPage(page: CommitPage): readonly CommitHeader[] {
    return guarded(this.file, () => this.archived.headers(page));
  }

  archives(): readonly Archive[] {
    return guarded(this.file, () => this.archived.all());
  }

  archiveOfHost(host: string): Archive | undefined {
    return guarded(this.file, () => this.archived.ofHost(host));
  }

  archiveOfStream(stream: string): Archive | undefined {
    return guarded(this.file, () => this.archived.ofStream(stream));
  }

  hostPage(page: NamePage): readonly string[] {
    return guarded(this.file, () => this.names.hosts(page));
  }

  streamPage(kind: string, page: NamePage): readonly string[] {
    return guarded(this.file, () => this.names.streams(kind, page));
  }

  rawLog(): RawLog {
    return new SqliteRawLog(this.reading, this.file);
  }

  async close(): Promise<void> {
    this.reading.close();
    if (this.writer === undefined) return;
    // Closed last, so that it is the one that folds the WAL into the file and removes it.
    await this.writer.close();
    // A writer that nothing was appended through had no connection, and one that only reads cannot
    // fold what others (read models) have written.
    if (walBytes(this.file) > 0) openConnection({ file: this.file, mode: 'write' }).close();
  }

  private answers({ batch, receipts }: WrittenBatch): readonly (AppendResult | LedgerError)[] {
    return receipts.map((receipt, at) => this.answer(batch, at, receipt));
  }

  private answer(batch: PackedBatch, at: number, receipt: Receipt): AppendResult | LedgerError {
    switch (receipt.kind) {
      case 'appended':
        return appendedAnswer(batch, at, receipt.hash);
      case 'duplicate': {
        const { position } = receipt;
        const [commit] = this.commitPage({ after: position - 1, until: position, limit: 1 });
        if (commit === undefined) break;
        return { kind: 'duplicate', commit };
      }
      case 'conflict':
      case 'command-id-reused':
        return receipt;
      case 'failed':
        return new LedgerError(receipt.code, receipt.message);
    }
    return new LedgerError('corrupt', `${this.file}: what the writer tells of is not there`);
  }
}

/**
 * The answer to a draft that was written. What a reader will find of it is put together when it is
 * asked for, as many callers never do.
 */
function appendedAnswer(batch: PackedBatch, at: number, hash: string): AppendResult {
  let commit: StoredCommit | undefined;
  return {
    kind: 'appended',
    get commit() {
      return (commit ??= writtenCommit(batch, at, hash));
    },
  };
}

/**
 * What a writer that did not close has left for SQLite to recover, as a sentence; undefined when
 * there is nothing.
 */
function leftBehind(file: string): string | undefined {
  const bytes = walBytes(file);
  if (bytes === 0) return undefined;
  return (
    `${file}: ${bytes} bytes of write-ahead log are left from before: the last writer did not ` +
    'close the ledger, or still has it open. Commits in it that are whole are kept, one cut short is dropped.'
  );
}
