import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { loadMigrations, type Migration } from '../sqlite/migrations';
import { guarded } from '../sqlite/sqlite-error';
import { Attachments } from './attachments';
import { Attempts } from './attempts';
import { Checkpoints } from './checkpoints';
import { Effects } from './effects';
import { READ_MODEL_TABLES } from './tables';

/**
 * The read models once more, empty, in a file of their own beside the ledger: built there while the present ones go on
 * serving, and then put in their place (`ReadModels.replaceBy`).
 */
export class ReadModelsAside {
  readonly effects: Effects;
  readonly attachments: Attachments;
  readonly attempts: Attempts;
  readonly checkpoints: Checkpoints;

  private constructor(
    private readonly db: Database.Database,
    readonly file: string,
  ) {
    this.effects = new Effects(db, file);
    this.attachments = new Attachments(db, file);
    this.attempts = new Attempts(db, file);
    this.checkpoints = new Checkpoints(db, file);
  }

  /**
   * Makes empty ones; what an earlier attempt left is deleted.
   * @param ledger the ledger's file.
   * @param migrations directory of the numbered `.sql` files.
   * @throws LedgerError `io`, `bad-migrations`
   */
  static create(ledger: string, migrations: string): ReadModelsAside {
    const file = `${ledger}.rebuild`;
    const steps = loadMigrations(migrations);
    return guarded(file, () => {
      remove(file);
      const db = new Database(file);
      try {
        // Worth nothing before it is switched in, so nothing has to survive a crash.
        db.pragma('journal_mode = OFF');
        db.pragma('synchronous = OFF');
        createTables(db, steps);
        return new ReadModelsAside(db, file);
      } catch (error) {
        db.close();
        throw error;
      }
    });
  }

  /** Writes what `work` writes at once. */
  transaction<Result>(work: () => Result): Result {
    return guarded(this.file, () => this.db.transaction(work)());
  }

  /** Lets go of the file and deletes it. */
  discard(): void {
    this.db.close();
    remove(this.file);
  }
}

function createTables(db: Database.Database, migrations: readonly Migration[]): void {
  for (const { isReadModels, sql } of migrations) if (isReadModels) db.exec(sql);
  for (const table of READ_MODEL_TABLES) db.exec(`DELETE FROM ${table}`);
}

function remove(file: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm'])
    rmSync(`${file}${suffix}`, { force: true });
}
