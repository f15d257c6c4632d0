import type Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { PAGE_ROWS } from '../limits';
import { lazily } from '../sqlite/columns';
import { guarded } from '../sqlite/sqlite-error';

/** What a machine's state hashed to after a commit of its host. */
export interface RecordedDigest {
  readonly position: number;
  readonly host: string;
  /** Of the code that computed it: only that one promises to compute it again. */
  readonly machineVersion: string;
  readonly digest: string;
}

const COLUMNS = 'position, host, machine_version AS machineVersion, digest';

/**
 * The `digests` table: a record, not a projection. A digest once recorded is never replaced or
 * deleted.
 */
export class Digests {
  private readonly insert;
  private readonly ofPosition;
  private readonly lastUpTo;
  private readonly lastOfHost;
  private readonly page;

  constructor(
    db: Database.Database,
    private readonly file: string,
  ) {
    this.insert = lazily<[RecordedDigest], never>(
      db,
      `INSERT INTO digests (position, host, machine_version, digest)
       VALUES (@position, @host, @machineVersion, @digest) ON CONFLICT DO NOTHING`,
    );
    this.ofPosition = lazily<[number], RecordedDigest>(
      db,
      `SELECT ${COLUMNS} FROM digests WHERE position = ?`,
    );
    this.lastUpTo = lazily<[number], RecordedDigest>(
      db,
      `SELECT ${COLUMNS} FROM digests WHERE position <= ? ORDER BY position DESC LIMIT 1`,
    );
    this.lastOfHost = lazily<[number, string], RecordedDigest>(
      db,
      `SELECT ${COLUMNS} FROM digests WHERE position <= ? AND host = ?
       ORDER BY position DESC LIMIT 1`,
    );
    this.page = lazily<[number, number], RecordedDigest>(
      db,
      `SELECT ${COLUMNS} FROM digests WHERE position > ? ORDER BY position LIMIT ?`,
    );
  }

  /**
   * Records a digest. Recording the same one again does nothing.
   * @throws LedgerError `digest-mismatch` when another one is recorded at that position, and
   *   nothing is changed.
   */
  record(entry: RecordedDigest): void {
    guarded(this.file, () => {
      if (this.insert().run(entry).changes > 0) return;
      const known = this.at(entry.position);
      if (known?.digest === entry.digest && known.host === entry.host) return;
      throw new LedgerError(
        'digest-mismatch',
        `${this.file}: the digest recorded at ${entry.position} is ${known?.digest ?? 'unreadable'}, not ${entry.digest}`,
      );
    });
  }

  /** The digest recorded at exactly this position. */
  at(position: number): RecordedDigest | undefined {
    return guarded(this.file, () => this.ofPosition().get(position));
  }

  /** The last digest recorded at or before this position, of one host if given. */
  before(position: number, host?: string): RecordedDigest | undefined {
    return guarded(this.file, () =>
      host === undefined ? this.lastUpTo().get(position) : this.lastOfHost().get(position, host),
    );
  }

  /** All digests after a position, in order, read in pages. */
  *all(after = 0): Generator<RecordedDigest, void, undefined> {
    let last = after;
    for (;;) {
      const from = last;
      const rows = guarded(this.file, () => this.page().all(from, PAGE_ROWS));
      yield* rows;
      const end = rows.at(-1);
      if (end === undefined || rows.length < PAGE_ROWS) return;
      last = end.position;
    }
  }
}
