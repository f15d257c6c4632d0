import type Database from 'better-sqlite3';
import { archivedError } from '../archive/archived-commit';
import type { AskedCommand, ChainHead } from '../admission';
import { ArchiveTables } from './archive-tables';
import { lastVersion } from './last-version';
import type { Column } from './packed-batch';

/** A command that is in the log. */
export interface KnownCommand extends AskedCommand {
  readonly position: number;
}

/** Rows of `events` that one statement inserts at most. */
const ROWS_MAX = 32;
const EVENT_COLUMNS = 8;
const COLUMNS_MAX = ROWS_MAX * EVENT_COLUMNS;

// Text is bound as the bytes it arrived in; CAST makes it text again without looking at it.
const TEXT = 'CAST(? AS TEXT)';

const INSERT_COMMIT = `INSERT INTO commits (position, host, at, actor, command_id, command, command_words,
    outcome, correlation_id, causation_id, prev_hash, hash)
  VALUES (?, ${TEXT}, ${TEXT}, ${TEXT}, ${TEXT}, ${TEXT}, ?, ${TEXT}, ${TEXT}, ${TEXT}, ?, ?)
  ON CONFLICT (command_id) DO NOTHING`;

const INSERT_EVENTS =
  'INSERT INTO events (position, idx, stream, version, type, schema, payload, words) VALUES';
const EVENT_ROW = `(?, ?, ${TEXT}, ?, ${TEXT}, ?, ${TEXT}, ?)`;

/** The statements of the writing connection. */
export class WriterStatements {
  readonly begin: Database.Statement;
  readonly commit: Database.Statement;
  readonly save: Database.Statement;
  readonly undo: Database.Statement;
  readonly keep: Database.Statement;
  readonly head: Database.Statement<[], ChainHead>;
  readonly known: Database.Statement<[commandId: string], KnownCommand>;
  private readonly hasVersion: Database.Statement<[stream: string, version: number], number>;
  private readonly commitRow: Database.Statement<unknown[]>;
  private readonly archives: ArchiveTables;
  /** By the number of rows they insert. */
  private readonly eventRows = new Map<number, Database.Statement<unknown[]>>();

  constructor(private readonly db: Database.Database) {
    // IMMEDIATE: a transaction that reads first and writes later fails with BUSY_SNAPSHOT, busy
    // timeout or not.
    this.begin = db.prepare('BEGIN IMMEDIATE');
    this.commit = db.prepare('COMMIT');
    this.save = db.prepare('SAVEPOINT draft');
    this.undo = db.prepare('ROLLBACK TO draft');
    this.keep = db.prepare('RELEASE draft');
    this.head = db.prepare('SELECT position, hash FROM commits ORDER BY position DESC LIMIT 1');
    this.known = db.prepare(
      `SELECT position, host, actor, command, command_words AS commandWords FROM commits
       WHERE command_id = ?`,
    );
    this.hasVersion = db
      .prepare<[string, number], number>('SELECT 1 FROM events WHERE stream = ? AND version = ?')
      .pluck();
    this.commitRow = db.prepare(INSERT_COMMIT);
    this.archives = new ArchiveTables(db);
  }

  /** The number of events in a stream. @throws LedgerError `archived` for one that is in an archive. */
  versionOf(stream: string): number {
    const version = lastVersion((number) => this.hasVersion.get(stream, number) !== undefined);
    const archive = version === 0 ? this.archives.ofStream(stream) : undefined;
    if (archive !== undefined) throw archivedError(stream, archive);
    return version;
  }

  /** @returns false when the command's id is known already: then nothing was inserted. */
  insertCommit(row: readonly Column[]): boolean {
    return this.commitRow.run(row).changes === 1;
  }

  /**
   * Inserts rows given as their columns, one row's after the other's. Many rows a statement: what a
   * statement costs beside its rows shows where it inserts one.
   * @param all whether a last statement may insert fewer than most others do.
   * @returns how many columns were inserted.
   */
  insertEvents(columns: readonly Column[], all: boolean): number {
    let first = 0;
    for (; columns.length - first >= COLUMNS_MAX; first += COLUMNS_MAX) {
      this.insertOf(ROWS_MAX).run(columns.slice(first, first + COLUMNS_MAX));
    }
    if (!all || first === columns.length) return first;
    this.insertOf((columns.length - first) / EVENT_COLUMNS).run(columns.slice(first));
    return columns.length;
  }

  private insertOf(count: number): Database.Statement<unknown[]> {
    let statement = this.eventRows.get(count);
    if (statement === undefined) {
      const values = Array.from({ length: count }, () => EVENT_ROW).join(', ');
      statement = this.db.prepare<unknown[]>(`${INSERT_EVENTS} ${values}`);
      this.eventRows.set(count, statement);
    }
    return statement;
  }
}
