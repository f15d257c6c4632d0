import type Database from 'better-sqlite3';
import { ARCHIVED } from '../archive/archived-commit';
import type { CommitPage, EventPage } from '../commit-store';
import type { CommitEvents, StoredCommit, StoredEvent } from '../port';
import { decodeCommit, decodeEvent, type CommitRow, type EventRow } from '../rows';
import {
  COMMIT_COLUMNS,
  EVENT_COLUMNS,
  commitRow,
  eventRow,
  type CommitColumns,
  type EventColumns,
  type PageParameters,
} from './columns';

/** Where a commit is. */
type Place = Pick<CommitRow, 'position' | 'host'>;

/**
 * Reads commits and events over one connection, a page at a time; never leaves a statement open.
 */
export class CommitReader {
  private readonly last: Database.Statement<[], number>;
  private readonly commits: Database.Statement<PageParameters, CommitColumns>;
  private readonly commitsOfHost: Database.Statement<[string, ...PageParameters], CommitColumns>;
  private readonly places: Database.Statement<PageParameters, Place>;
  private readonly placesOfHost: Database.Statement<[string, ...PageParameters], Place>;
  private readonly events: Database.Statement<[first: number, last: number], EventColumns>;
  private readonly streamEvents: Database.Statement<[EventPage], EventColumns>;

  constructor(db: Database.Database) {
    this.last = db.prepare<[], number>('SELECT coalesce(max(position), 0) FROM commits').pluck();
    // Of an archived commit a row is left, which has no command.
    const page = `position > ? AND position <= ? AND command <> '${ARCHIVED}' ORDER BY position LIMIT ?`;
    const commits = `SELECT ${COMMIT_COLUMNS} FROM commits WHERE`;
    this.commits = db.prepare<PageParameters, CommitColumns>(`${commits} ${page}`).raw();
    this.commitsOfHost = db
      .prepare<[string, ...PageParameters], CommitColumns>(`${commits} host = ? AND ${page}`)
      .raw();
    this.places = db.prepare(`SELECT position, host FROM commits WHERE ${page}`);
    this.placesOfHost = db.prepare(`SELECT position, host FROM commits WHERE host = ? AND ${page}`);
    this.events = db
      .prepare<[number, number], EventColumns>(
        `SELECT ${EVENT_COLUMNS} FROM events WHERE position BETWEEN ? AND ? ORDER BY position, idx`,
      )
      .raw();
    // From version to version, as their index is not in the order of streams; a position before
    // the bound can't follow one behind it.
    this.streamEvents = db
      .prepare<[EventPage], EventColumns>(
        `WITH RECURSIVE next (id, version) AS (
         SELECT rowid, version FROM events WHERE stream = @stream AND version = @after + 1
         UNION ALL
         SELECT events.rowid, events.version FROM next
           JOIN events ON events.stream = @stream AND events.version = next.version + 1
         LIMIT @limit
       )
       SELECT ${EVENT_COLUMNS.replace('version', 'events.version')} FROM next
         JOIN events ON events.rowid = next.id WHERE position <= @until ORDER BY next.version`,
      )
      .raw();
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
    return this.withEvents(rows.map(commitRow), page, decodeCommit);
  }

  /** @throws LedgerError `corrupt` for an event that can't be decoded. */
  commitEventsPage(page: CommitPage): CommitEvents[] {
    const { after, until, limit, host } = page;
    const rows =
      host === undefined
        ? this.places.all(after, until, limit)
        : this.placesOfHost.all(host, after, until, limit);
    return this.withEvents(rows, page, ({ position, host }, events) => ({
      position,
      host,
      events: events.map(decodeEvent),
    }));
  }

  /** @throws LedgerError `corrupt` for an event that can't be decoded. */
  eventPage(page: EventPage): StoredEvent[] {
    return this.streamEvents.all(page).map((columns) => decodeEvent(eventRow(columns)));
  }

  private withEvents<Row extends Place, Commit>(
    rows: readonly Row[],
    { host }: CommitPage,
    decode: (row: Row, events: readonly EventRow[]) => Commit,
  ): Commit[] {
    const first = rows[0];
    const last = rows.at(-1);
    if (first === undefined || last === undefined) return [];
    // The commits of one host lie apart, with those of others between them: read only what is
    // wanted.
    if (host !== undefined) {
      return rows.map((row) => decode(row, this.eventRows(row.position, row.position)));
    }
    const events = this.eventRows(first.position, last.position);
    let next = 0;
    return rows.map((row) => {
      const from = next;
      while (events[next]?.position === row.position) next++;
      return decode(row, events.slice(from, next));
    });
  }

  private eventRows(first: number, last: number): EventRow[] {
    return this.events.all(first, last).map(eventRow);
  }
}
