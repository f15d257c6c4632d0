import Database from 'better-sqlite3';

/** The log as it stands in the tables: a text for each row, in the order of rowids. */
export interface StoredLog {
  readonly commits: readonly string[];
  readonly events: readonly { readonly position: number; readonly text: string }[];
  /** Reading ended before the end of a table. */
  readonly isCutShort: boolean;
}

/** Everything of both tables that can be read, row by row, without an index and without this project's code. */
export function readStoredLog(file: string): StoredLog {
  const db = new Database(file, { readonly: true });
  try {
    const commits = scan(db, 'commits');
    const events = scan(db, 'events');
    return {
      commits: commits.rows.map((row) => JSON.stringify(row)),
      events: events.rows.map((row) => {
        // The rowid is first; where a row stands is told by the order.
        return { position: Number(row[1]), text: JSON.stringify(row.slice(1)) };
      }),
      isCutShort: commits.isCutShort || events.isCutShort,
    };
  } finally {
    db.close();
  }
}

function scan(
  db: Database.Database,
  table: string,
): { readonly rows: readonly (readonly unknown[])[]; readonly isCutShort: boolean } {
  const rows: unknown[][] = [];
  try {
    const columns = db.pragma(`table_info(${table})`) as { name: string }[];
    // As bytes: text that is no UTF-8 would be mended on the way.
    const values = columns.flatMap(({ name }) => [
      name,
      `hex(CAST(${name} AS BLOB))`,
      `typeof(${name})`,
    ]);
    const next = db
      .prepare<[number]>(
        `SELECT rowid, ${values.join(', ')} FROM ${table} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT 1`,
      )
      .raw();
    for (let last = 0; ;) {
      const row = next.get(last) as unknown[] | undefined;
      if (row === undefined) return { rows, isCutShort: false };
      rows.push(row);
      last = Number(row[0]);
    }
  } catch {
    return { rows, isCutShort: true };
  }
}

/**
 * The first commit of which something is not as it was: its own row, or one of its events', or where one of them
 * stands. Undefined when nothing is.
 */
export function firstChanged(now: StoredLog, before: StoredLog): number | undefined {
  const commit = before.commits.findIndex((text, i) => now.commits[i] !== text);
  const event = before.events.findIndex(({ text }, i) => now.events[i]?.text !== text);
  const added = now.commits.length > before.commits.length ? before.commits.length + 1 : Infinity;
  const first = Math.min(
    commit < 0 ? Infinity : commit + 1,
    event < 0 ? Infinity : placeOf(now, before, event),
    added,
  );
  return Number.isFinite(first) ? first : undefined;
}

/** An event that stands where another was: the earlier of the commits that the two are of. */
function placeOf(now: StoredLog, before: StoredLog, index: number): number {
  return Math.min(
    before.events[index]?.position ?? Infinity,
    ...now.events.slice(index).map(({ position }) => position),
  );
}
