import type Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { storedRowsOf } from '../operations/interchange';
import type { StoredCommit } from '../port';
import { ArchiveTables } from '../sqlite/archive-tables';
import { EVENT_COLUMNS } from '../sqlite/columns';
import { openLedgerFile } from '../sqlite/ledger-file';
import { asLedgerError } from '../sqlite/sqlite-error';
import type { ArchiveRecord } from './archived-commit';
import { readArchive, type CheckedArchive } from './read-archive';

export interface RestoreArchiveOptions {
  readonly ledger: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  readonly archive: string;
}

/**
 * Puts an archived host back into the ledger it came from, in one transaction, with the hashes it had. Read models are
 * computed anew when they are next asked for.
 * @throws LedgerError `bad-archive`, `missing`, `not-archived` when the ledger has not let go of just these commits; as
 *   SqliteLedger.open
 */
export async function restoreArchive(options: RestoreArchiveOptions): Promise<CheckedArchive> {
  const { ledger: file, migrations, archive: path } = options;
  const checked = await readArchive(path);
  const { db } = openLedgerFile({ file, mode: 'write', migrations });
  try {
    db.exec('BEGIN IMMEDIATE');
    const record = new ArchiveTables(db).ofHost(checked.host);
    assertOf(record, checked, options);
    const restoring = new Restoring(db, checked);
    const again = await readArchive(path, {
      visitor: { commit: (commit) => restoring.add(commit) },
    });
    if (again.sha256 !== checked.sha256) {
      throw new LedgerError('bad-archive', `${path}: changed while it was read`);
    }
    restoring.finish();
    db.exec('COMMIT');
    return checked;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw asLedgerError(error, file);
  } finally {
    db.close();
  }
}

function assertOf(
  record: ArchiveRecord | undefined,
  { host, headers }: CheckedArchive,
  { ledger, archive }: RestoreArchiveOptions,
): asserts record is ArchiveRecord {
  if (record === undefined) {
    throw new LedgerError('not-archived', `${ledger}: nothing of ${host} was archived`);
  }
  if (record.headers === headers) return;
  const message = `${ledger}: ${archive} does not hold the commits of ${host} that were archived from it`;
  throw new LedgerError('not-archived', message);
}

/**
 * Rows of events stand in the order of the log, and later ones may have taken the places that the archive left: all
 * from the archive's first commit on are put anew.
 */
class Restoring {
  private readonly commit;
  private readonly event;

  constructor(
    private readonly db: Database.Database,
    private readonly archive: CheckedArchive,
  ) {
    db.exec(`CREATE TEMP TABLE placed AS SELECT ${EVENT_COLUMNS} FROM events LIMIT 0`);
    db.prepare(
      `INSERT INTO placed SELECT ${EVENT_COLUMNS} FROM events NOT INDEXED WHERE position >= ?`,
    ).run(archive.first);
    db.prepare('DELETE FROM events WHERE position >= ?').run(archive.first);
    this.commit = db.prepare(
      `UPDATE commits SET command = @command, command_words = @commandWords, outcome = @outcome
       WHERE position = @position`,
    );
    this.event = db.prepare(
      `INSERT INTO placed (${EVENT_COLUMNS})
       VALUES (@position, @idx, @stream, @version, @type, @schema, @payload, @words)`,
    );
  }

  add(stored: StoredCommit): void {
    const { commit, events } = storedRowsOf(stored);
    const { position, command, commandWords, outcome } = commit;
    this.commit.run({ position, command, commandWords, outcome });
    for (const event of events) this.event.run(event);
  }

  finish(): void {
    const { db, archive } = this;
    db.exec(`INSERT INTO events (${EVENT_COLUMNS})
      SELECT ${EVENT_COLUMNS} FROM placed ORDER BY position, idx`);
    db.exec('DROP TABLE placed');
    db.prepare('DELETE FROM archived_streams WHERE host = ?').run(archive.host);
    db.prepare('DELETE FROM archives WHERE host = ?').run(archive.host);
    // What was computed from these commits is gone; without its checkpoint everything is computed again.
    db.exec('DELETE FROM checkpoints');
  }
}
