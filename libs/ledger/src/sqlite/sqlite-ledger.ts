import type Database from 'better-sqlite3';
import type { CommitPage, CommitStore, EventPage, RawLog } from '../commit-store';
import type { EncodedDraft } from '../draft-encoding';
import { LedgerError } from '../ledger-error';
import type { AppendResult, StoredCommit, StoredEvent } from '../port';
import { StoreLedger, type StoreLedgerOptions } from '../store-ledger';
import { CommitReader } from './commit-reader';
import { CommitWriter } from './commit-writer';
import type { OpenMode } from './connection';
import { openLedgerFile, type LedgerFile } from './ledger-file';
import { asLedgerError, guarded } from './sqlite-error';
import { SqliteRawLog } from './sqlite-raw-log';

/** How to open a ledger in an SQLite file. */
export interface SqliteLedgerOptions extends StoreLedgerOptions {
  readonly file: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  readonly mode: OpenMode;
  /** How long to wait for another process's lock, in milliseconds; 5,000 by default. */
  readonly busyTimeoutMs?: number;
}

const POLL_MS = 200;

/** The event store in one SQLite file, through better-sqlite3. */
export class SqliteLedger extends StoreLedger {
  private constructor(store: SqliteCommitStore, options: StoreLedgerOptions) {
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

class SqliteCommitStore implements CommitStore {
  private readonly file: string;
  private readonly writing: Database.Database | undefined;
  private readonly reading: Database.Database;
  private readonly writer: CommitWriter | undefined;
  private readonly reader: CommitReader;

  constructor(options: SqliteLedgerOptions) {
    this.file = options.file;
    let writing: LedgerFile | undefined;
    let reading: LedgerFile | undefined;
    try {
      if (options.mode !== 'read') writing = openLedgerFile(options);
      // Readers have a connection of their own: they see only what is committed, and never hold up
      // the writer.
      reading = openLedgerFile({ ...options, mode: 'read' });
      this.writing = writing?.db;
      this.reading = reading.db;
      this.writer = this.writing && new CommitWriter(this.writing, this.file);
      this.reader = new CommitReader(this.reading);
    } catch (error) {
      reading?.db.close();
      writing?.db.close();
      throw asLedgerError(error, this.file);
    }
  }

  appendBatch(batch: readonly EncodedDraft[]): readonly (AppendResult | LedgerError)[] {
    if (this.writer === undefined) {
      throw new LedgerError('read-only', `${this.file}: opened for reading`);
    }
    return this.writer.appendBatch(batch);
  }

  latest(): number {
    return guarded(this.file, () => this.reader.latest());
  }

  commitPage(page: CommitPage): readonly StoredCommit[] {
    return guarded(this.file, () => this.reader.commitPage(page));
  }

  eventPage(page: EventPage): readonly StoredEvent[] {
    return guarded(this.file, () => this.reader.eventPage(page));
  }

  rawLog(): RawLog {
    return new SqliteRawLog(this.reading, this.file);
  }

  close(): void {
    this.reading.close();
    // Closed last, so that it is the one that folds the WAL into the file and removes it.
    this.writing?.close();
  }
}
