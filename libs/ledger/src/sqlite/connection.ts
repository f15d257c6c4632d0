import Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { inspectFile } from './file-inspection';
import { asLedgerError, guarded } from './sqlite-error';

/**
 * `create`: for writing, made when missing. `write`: for writing, must exist. `read`: must exist,
 * never changed.
 */
export type OpenMode = 'create' | 'write' | 'read';

export interface ConnectionOptions {
  readonly file: string;
  readonly mode: OpenMode;
  /** How long to wait for another process's lock, in milliseconds; 5,000 by default. */
  readonly busyTimeoutMs?: number;
}

/** "STWD" in `PRAGMA application_id`: the mark of a Steward ledger. */
export const APPLICATION_ID = 0x53545744;

// Before 3.51.3 a WAL reset racing with a checkpoint could corrupt the file.
const SQLITE_VERSION_MIN = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 5000;
const SYNCHRONOUS_FULL = 2;

/**
 * Opens a file that is a ledger, or (mode `create`) is still empty, with the settings every
 * connection must have. A file that is something else is left exactly as it was.
 * @throws LedgerError `missing`, `not-a-ledger`, `corrupt`, `busy`, `io`, `sqlite-too-old`
 */
export function openConnection(options: ConnectionOptions): Database.Database {
  const { file, mode } = options;
  inspectFile(file, mode === 'create');
  const isReader = mode === 'read';
  let db: Database.Database | undefined;
  try {
    db = new Database(file, {
      readonly: isReader,
      fileMustExist: mode !== 'create',
      timeout: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
    });
    assertSqliteVersion(db);
    // The file may come from anywhere: its schema must not call functions, and its pages are
    // checked as they are read.
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    assertIdentity(db, file, mode);
    // Even a connection that only reads: it must not be the one that turns the setting down for
    // itself later.
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    if (!isReader) configureWriter(db, file);
    return db;
  } catch (error) {
    db?.close();
    throw asLedgerError(error, file);
  }
}

/**
 * Checks that commits are durable. To be called after a connection's first write: this SQLite build
 * is compiled with DEFAULT_WAL_SYNCHRONOUS=1, which replaces a default (not an explicit)
 * `synchronous` at that moment, so before it the answer proves nothing.
 * @throws LedgerError `not-durable`
 */
export function assertDurable(db: Database.Database, file: string): void {
  const synchronous = pragmaValue(db, 'synchronous');
  const journal = pragmaValue(db, 'journal_mode');
  if (synchronous !== SYNCHRONOUS_FULL || journal !== 'wal') {
    throw new LedgerError(
      'not-durable',
      `${file}: synchronous=${String(synchronous)}, journal_mode=${String(journal)}; expected 2 (FULL) and wal`,
    );
  }
}

/** Whether the database holds nothing at all, as a file just created does. */
export function isBlank(db: Database.Database): boolean {
  return (
    pragmaValue(db, 'application_id') === 0 &&
    db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0
  );
}

/** The single value of a pragma. */
export function pragmaValue(db: Database.Database, pragma: string): unknown {
  return db.pragma(pragma, { simple: true });
}

/**
 * The version of SQLite this runs on.
 * @throws LedgerError `sqlite-too-old`
 */
export function sqliteVersion(): string {
  const db = new Database(':memory:');
  try {
    assertSqliteVersion(db);
    return String(db.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    db.close();
  }
}

function assertSqliteVersion(db: Database.Database): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  for (const [i, least] of SQLITE_VERSION_MIN.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least) {
      const wanted = SQLITE_VERSION_MIN.join('.');
      throw new LedgerError('sqlite-too-old', `SQLite ${version}; expected ${wanted} or later`);
    }
  }
}

function assertIdentity(db: Database.Database, file: string, mode: OpenMode): void {
  if (pragmaValue(db, 'application_id') === APPLICATION_ID) return;
  if (mode === 'create' && isBlank(db)) return;
  throw new LedgerError(
    'not-a-ledger',
    `${file}: an SQLite database, but not a Steward ledger (application_id is not ${APPLICATION_ID})`,
  );
}

function configureWriter(db: Database.Database, file: string): void {
  guarded(file, () => {
    db.pragma('journal_mode = WAL');
    db.pragma('journal_size_limit = 67108864');
  });
}
