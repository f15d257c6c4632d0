import type Database from 'better-sqlite3';
import type { CommitPage, EventPage } from '../commit-store';
import type { StoredCommit, StoredEvent } from '../port';
import { decodeCommit, decodeEvent, type CommitRow, type EventRow } from '../rows';
import { COMMIT_COLUMNS, EVENT_COLUMNS, type PageParameters } from './columns';

/**
 * Reads commits and events over one connection, a page at a time; never leaves a statement open.
 */
export class CommitReader {
  private readonly last: Database.Statement<[], number>;
  private readonly commits: Database.Statement<PageParameters, CommitRow>;
  private readonly commitsOfHost: Database.Statement<[string, ...PageParameters], CommitRow>;
  private readonly events: Database.Statement<[first: number, last: number], EventRow>;
  private readonly streamEvents: Database.Statement<[EventPage], EventRow>;

  constructor(db: Database.Database) {
    this.last = db.prepare<[], number>('SELECT coalesce(max(position), 0) FROM commits').pluck();
    this.commits = db.prepare(
      `SELECT ${COMMIT_COLUMNS} FROM commits WHERE position > ? AND position <= ?
       ORDER BY position LIMIT ?`,
    );
    this.commitsOfHost = db.prepare(
      `SELECT ${COMMIT_COLUMNS} FROM commits WHERE host = ? AND position > ? AND position <= ?
       ORDER BY position LIMIT ?`,
    );
    this.events = db.prepare(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE position BETWEEN ? AND ? ORDER BY position, idx`,
    );
    // From version to version, as their index is not in the order of streams; a position before
    // the bound can't follow one behind it.
    this.streamEvents = db.prepare(
      `WITH RECURSIVE next (id, version) AS (
         SELECT rowid, version FROM events WHERE stream = @stream AND version = @after + 1
         UNION ALL
         SELECT events.rowid, events.version FROM next
           JOIN events ON events.stream = @stream AND events.version = next.version + 1
         LIMIT @limit
       )
       SELECT ${EVENT_COLUMNS.replace('version', 'events.version')} FROM next
         JOIN events ON events.rowid = next.id WHERE position <= @until ORDER BY next.version`,
    );
  }

  latest(): number {
    return this.last.get() ?? 0;
  }

  /** @throws LedgerError `corrupt` for a commit that can't be decoded. */
  commitPage(page: CommitPage): StoredCommit[] {
    const { after, until, limit, host } = page;
    const rows =
      host === undefined
        ? this.commits.all(after, until, limit)
        : this.commitsOfHost.all(host, after, until, limit);
    // The commits of one host lie apart, with those of others between them: read only what is
    // wanted.
    return host === undefined
      ? this.withEventsOfRun(rows)
      : rows.map((row) => this.withEvents(row));
  }

  /** @throws LedgerError `corrupt` for an event that can't be decoded. */
  eventPage(page: EventPage): StoredEvent[] {
    return this.streamEvents.all(page).map(decodeEvent);
  }

  private withEvents(row: CommitRow): StoredCommit {
    return decodeCommit(row, this.events.all(row.position, row.position));
  }

  private withEventsOfRun(rows: readonly CommitRow[]): StoredCommit[] {
    const first = rows[0];
    const last = rows.at(-1);
    if (first === undefined || last === undefined) return [];
    const events = this.events.all(first.position, last.position);
    let next = 0;
    return rows.map((row) => {
      const from = next;
      while (events[next]?.position === row.position) next++;
      return decodeCommit(row, events.slice(from, next));
    });
  }
}
