import type Database from 'better-sqlite3';
import { assertDurable, openConnection, type ConnectionOptions } from './connection';
import { assertMigrated, loadMigrations, migrate, type Migration } from './migrations';
import { asLedgerError } from './sqlite-error';

export interface LedgerFileOptions extends ConnectionOptions {
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
}

/** A connection to a ledger whose schema is that of this release. */
export interface LedgerFile {
  readonly db: Database.Database;
  readonly migrations: readonly Migration[];
}

/**
 * Opens a connection and brings the schema up to date (for writing) or checks it (for reading).
 * @throws LedgerError as openConnection, loadMigrations, migrate, assertMigrated
 */
export function openLedgerFile(options: LedgerFileOptions): LedgerFile {
  // Before the file is touched: a bad directory must not leave an empty ledger behind.
  const migrations = loadMigrations(options.migrations);
  const db = openConnection(options);
  try {
    if (options.mode === 'read') {
      assertMigrated(db, migrations, options.file);
    } else {
      migrate(db, migrations, options.file);
      // Proves a fresh ledger, whose first write this was; the writer proves it again after its own
      // first commit.
      assertDurable(db, options.file);
    }
    return { db, migrations };
  } catch (error) {
    db.close();
    throw asLedgerError(error, options.file);
  }
}
