import { setTimeout as wait } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { pragmaValue } from './connection';
import { asLedgerError, sqliteCode } from './sqlite-error';

/** How long an answer is held back while the disk keeps failing, in milliseconds. */
const HOLD_MS = 5000;
const RETRY_MS = 100;

/**
 * A COMMIT that failed because the disk did. SQLite counts it as not made, but its frames may stand
 * whole in the WAL behind a failed fsync: a crash now, and recovery would take them for committed.
 * Settled, it is not made for good.
 */
export class UnknownOutcome {
  constructor(private readonly file: string) {}

  /** Whether an error of COMMIT leaves its outcome open. */
  static isPossibleAfter(error: unknown): boolean {
    return /^SQLITE_IOERR/.test(sqliteCode(error) ?? '');
  }

  /**
   * Writes another transaction where the failed one stands, and makes that durable.
   * @param reopen gives a fresh connection: the old one has seen an error.
   * @throws LedgerError `outcome-unknown` when the disk keeps failing.
   */
  async settle(reopen: () => Database.Database): Promise<void> {
    const end = performance.now() + HOLD_MS;
    for (;;) {
      try {
        overwrite(reopen());
        return;
      } catch (error) {
        if (performance.now() >= end) throw this.stillUnknown(asLedgerError(error, this.file));
      }
      await wait(RETRY_MS);
    }
  }

  private stillUnknown(cause: unknown): unknown {
    if (!(cause instanceof LedgerError)) return cause;
    const message = `the disk fails, and whether the last commits are durable is not known yet: ${cause.message}`;
    return new LedgerError('outcome-unknown', message, { cause });
  }
}

/** A commit that changes nothing but page 1, so that it goes through the WAL and its fsync. */
function overwrite(db: Database.Database): void {
  db.transaction(() => {
    const version = Number(pragmaValue(db, 'user_version'));
    db.pragma(`user_version = ${version + 1}`);
    db.pragma(`user_version = ${version}`);
  }).immediate();
}
