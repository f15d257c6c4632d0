import type Database from 'better-sqlite3';
import { assertDurable, type OpenMode } from '../sqlite/connection';
import { openLedgerFile } from '../sqlite/ledger-file';
import type { Migration } from '../sqlite/migrations';
import { asLedgerError, guarded } from '../sqlite/sqlite-error';
import { Attachments } from './attachments';
import { Attempts } from './attempts';
import { Checkpoints } from './checkpoints';
import { Digests } from './digests';
import { Effects } from './effects';
import type { ReadModelsAside } from './aside';
import { READ_MODEL_TABLES } from './tables';

/** How to open the read models of a ledger. */
export interface ReadModelsOptions {
  readonly file: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  /** Never `create`: read models belong to a ledger that exists. */
  readonly mode: Exclude<OpenMode, 'create'>;
  /** How long to wait for another process's lock, in milliseconds; 5,000 by default. */
  readonly busyTimeoutMs?: number;
}

/**
 * What is computed from the log and kept beside it, over a connection of its own. Apart from the
 * digests all of it may be deleted and built again. Methods are synchronous; group what belongs
 * together with `transaction`.
 */
export class ReadModels {
  readonly effects: Effects;
  readonly digests: Digests;
  readonly attachments: Attachments;
  readonly attempts: Attempts;
  readonly checkpoints: Checkpoints;
  private isDurabilityProven = false;

  private constructor(
    private readonly db: Database.Database,
    private readonly file: string,
  ) {
    this.effects = new Effects(db, file);
    this.digests = new Digests(db, file);
    this.attachments = new Attachments(db, file);
    this.attempts = new Attempts(db, file);
    this.checkpoints = new Checkpoints(db, file);
  }

  /**
   * Opens the read models of an existing ledger. For writing, tables that someone dropped are made
   * anew, empty; when opened for reading, using a dropped table throws LedgerError `corrupt`.
   * @throws LedgerError as SqliteLedger.open
   */
  static open(options: ReadModelsOptions): ReadModels {
    const { db, migrations } = openLedgerFile(options);
    try {
      if (options.mode === 'write') restoreDroppedTables(db, migrations);
      return new ReadModels(db, options.file);
    } catch (error) {
      db.close();
      throw asLedgerError(error, options.file);
    }
  }

  /**
   * Runs `work` in one transaction: all it writes becomes durable together, or, when it throws,
   * nothing does. So a projection's rows and its checkpoint can't part. Within another call it
   * joins that one's transaction.
   * @param work synchronous; a promise is refused with a TypeError, and nothing is written.
   * @throws LedgerError `busy`, `io`, `not-durable`; whatever `work` throws.
   */
  transaction<Result>(work: () => Result): Result {
    return guarded(this.file, () => {
      const result = this.db.transaction(work).immediate();
      if (!this.isDurabilityProven && !this.db.inTransaction) {
        assertDurable(this.db, this.file);
        this.isDurabilityProven = true;
      }
      return result;
    });
  }

  /** Deletes effects, read models and checkpoints; digests stay. */
  clear(): void {
    this.transaction(() => {
      for (const table of READ_MODEL_TABLES) this.db.exec(`DELETE FROM ${table}`);
    });
  }

  /**
   * Puts rebuilt read models in the place of these, all in one transaction: a reader sees the old ones or the new. The
   * writer waits while the rows are copied.
   * @throws LedgerError `busy`, `io`; nothing is changed then.
   */
  replaceBy(aside: ReadModelsAside): void {
    return guarded(this.file, () => {
      this.db.prepare('ATTACH DATABASE ? AS aside').run(aside.file);
      try {
        this.transaction(() => {
          for (const table of READ_MODEL_TABLES) {
            this.db.exec(`DELETE FROM main.${table}`);
            this.db.exec(`INSERT INTO main.${table} SELECT * FROM aside.${table}`);
          }
        });
      } finally {
        this.db.exec('DETACH DATABASE aside');
      }
    });
  }

  /** Lets go of the file. */
  close(): void {
    this.db.close();
  }
}

function restoreDroppedTables(db: Database.Database, migrations: readonly Migration[]): void {
  if (hasAllTables(db)) return;
  db.transaction(() => {
    if (hasAllTables(db)) return;
    // A checkpoint without its rows, or rows without their checkpoint, would be wrong: all or none.
    for (const table of READ_MODEL_TABLES) db.exec(`DROP TABLE IF EXISTS ${table}`);
    for (const migration of migrations) if (migration.isReadModels) db.exec(migration.sql);
  }).immediate();
}

function hasAllTables(db: Database.Database): boolean {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
  return READ_MODEL_TABLES.every((table) => isThere.get(table) !== undefined);
}
