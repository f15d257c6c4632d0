import { LedgerError, type LedgerErrorCode } from '../ledger-error';

/** SQLite's extended result code (`SQLITE_BUSY_SNAPSHOT` …), or undefined for any other error. */
export function sqliteCode(error: unknown): string | undefined {
  // By shape: the native module keeps one SqliteError class a process, which is no `Error` of
  // another realm (worker, test sandbox).
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}

/**
 * A LedgerError for what SQLite threw, naming the file; anything that SQLite did not throw is
 * returned as it is.
 * @param file path as the user gave it.
 */
export function asLedgerError(error: unknown, file: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const message = `${file}: ${(error as Error).message} (${code})`;
  return new LedgerError(classify(code), message, { cause: error });
}

/** Runs `work`, turning SQLite's errors into LedgerErrors. */
export function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asLedgerError(error, file);
  }
}

function classify(code: string): LedgerErrorCode {
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code)) return 'busy';
  if (/^SQLITE_(IOERR|FULL|CANTOPEN|READONLY|PERM|NOLFS|AUTH|NOMEM)/.test(code)) return 'io';
  // CORRUPT and NOTADB; also a plain ERROR ("no such column") or CONSTRAINT, which an intact ledger
  // does not give.
  return 'corrupt';
}
