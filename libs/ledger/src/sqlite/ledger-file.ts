import type Database from 'better-sqlite3';
import { assertDurable, openConnection, type ConnectionOptions } from './connection';
import { assertReadable, loadMigrations, migrate, type Migration } from './migrations';
import { asLedgerError } from './sqlite-error';

export interface LedgerFileOptions extends ConnectionOptions {
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
}

/** A connection to a ledger. */
export interface LedgerFile {
  readonly db: Database.Database;
  readonly migrations: readonly Migration[];
  /** The number of its schema; less than the last migration's only when opened for reading. */
  readonly schema: number;
}

/**
 * Opens a connection and brings the schema up to date (for writing) or checks that its log can be read as it is (for
 * reading).
 * @throws LedgerError as openConnection, loadMigrations, migrate, assertReadable
 */
export function openLedgerFile(options: LedgerFileOptions): LedgerFile {
  // Before the file is touched: a bad directory must not leave an empty ledger behind.
  const migrations = loadMigrations(options.migrations);
  const db = openConnection(options);
  try {
    if (options.mode === 'read') {
      return { db, migrations, schema: assertReadable(db, migrations, options.file) };
    }
    migrate(db, migrations, options.file);
    // Proves a fresh ledger, whose first write this was; the writer proves it again after its own
    // first commit.
    assertDurable(db, options.file);
    return { db, migrations, schema: migrations.length };
  } catch (error) {
    db.close();
    throw asLedgerError(error, options.file);
  }
}
