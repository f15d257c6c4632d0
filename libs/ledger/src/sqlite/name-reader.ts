import type Database from 'better-sqlite3';
import type { NamePage } from '../commit-store';

/** The code point after '/': no name of a kind sorts behind it. */
const AFTER_SLASH = '0';

/** A query that hops from one distinct value of an indexed column to the next, whatever lies between. */
function distinct(table: string, column: string): string {
  const next = `SELECT min(${column}) FROM ${table} WHERE ${column} > `;
  return `WITH RECURSIVE names (name) AS (
      ${next} @after AND ${column} < @end
      UNION ALL
      SELECT (${next} names.name AND ${column} < @end) FROM names WHERE name IS NOT NULL
    )
    SELECT name FROM names WHERE name IS NOT NULL LIMIT @limit`;
}

/** Every text that SQLite stores sorts before a blob. */
const NO_END = new Uint8Array();

interface Hop extends NamePage {
  readonly end: string | Uint8Array;
}

/** Reads which hosts and streams there are, without reading their commits or events. */
export class NameReader {
  private readonly hostNames: Database.Statement<[Hop], string>;
  private readonly streamNames: Database.Statement<[Hop], string>;

  constructor(db: Database.Database) {
    this.hostNames = db.prepare<[Hop], string>(distinct('commits', 'host')).pluck();
    // Each stream has one first event, and the index has those of all streams side by side.
    this.streamNames = db
      .prepare<[Hop], string>(
        `SELECT stream FROM events WHERE version = 1 AND stream > @after AND stream < @end
         ORDER BY stream LIMIT @limit`,
      )
      .pluck();
  }

  hosts(page: NamePage): readonly string[] {
    return this.hostNames.all({ ...page, end: NO_END });
  }

  streams(kind: string, { after, limit }: NamePage): readonly string[] {
    const first = `${kind}/`;
    const from = after === '' ? first : after;
    return this.streamNames.all({ after: from, limit, end: `${kind}${AFTER_SLASH}` });
  }
}
