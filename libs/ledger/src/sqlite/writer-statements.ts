import type Database from 'better-sqlite3';
import type { ChainHead } from '../admission';
import type { CommitRow, EventRow } from '../rows';

/** The statements of the writing connection. */
export class WriterStatements {
  readonly begin: Database.Statement;
  readonly commit: Database.Statement;
  readonly save: Database.Statement;
  readonly undo: Database.Statement;
  readonly keep: Database.Statement;
  readonly head: Database.Statement<[], ChainHead>;
  private readonly commitRow: Database.Statement<unknown[]>;
  private readonly eventRow: Database.Statement<unknown[]>;

  constructor(db: Database.Database) {
    // IMMEDIATE: a transaction that reads first and writes later fails with BUSY_SNAPSHOT, busy
    // timeout or not.
    this.begin = db.prepare('BEGIN IMMEDIATE');
    this.commit = db.prepare('COMMIT');
    this.save = db.prepare('SAVEPOINT draft');
    this.undo = db.prepare('ROLLBACK TO draft');
    this.keep = db.prepare('RELEASE draft');
    this.head = db.prepare('SELECT position, hash FROM commits ORDER BY position DESC LIMIT 1');
    // Bound by place, in the order of the table's columns.
    this.commitRow = db.prepare(
      `INSERT INTO commits (position, host, at, actor, command_id, command, command_words, outcome,
         correlation_id, causation_id, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.eventRow = db.prepare(
      `INSERT INTO events (position, idx, stream, version, type, schema, payload, words)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  insertCommit(row: CommitRow): void {
    this.commitRow.run(
      row.position,
      row.host,
      row.at,
      row.actor,
      row.commandId,
      row.command,
      row.commandWords,
      row.outcome,
      row.correlationId,
      row.causationId,
      row.prevHash,
      row.hash,
    );
  }

  insertEvent(row: EventRow): void {
    const { position, idx, stream, version, type, schema, payload, words } = row;
    this.eventRow.run(position, idx, stream, version, type, schema, payload, words);
  }
}
