import type Database from 'better-sqlite3';
import type { ArchiveRecord } from '../archive/archived-commit';
import type { RawCommit, RawEvent, RawLog } from '../commit-store';
import type { CommitRow, EventRow } from '../rows';
import { ArchiveTables } from './archive-tables';
import { lazily } from './columns';
import { guarded } from './sqlite-error';

type Flat<Row> = Row & { readonly typed: number };

/**
 * A CHECK over a row: TEXT columns are text, INTEGER columns integers, BLOB columns blobs or NULL.
 */
function typedExpression(columns: {
  readonly text: readonly string[];
  readonly optionalText: readonly string[];
  readonly integer: readonly string[];
  readonly blob: readonly string[];
}): string {
  return [
    ...columns.text.map((column) => `typeof(${column}) = 'text'`),
    ...columns.optionalText.map((column) => `typeof(${column}) IN ('text', 'null')`),
    ...columns.integer.map((column) => `typeof(${column}) = 'integer'`),
    ...columns.blob.map((column) => `typeof(${column}) IN ('blob', 'null')`),
  ].join(' AND ');
}

const COMMIT_TYPED = typedExpression({
  text: ['host', 'at', 'actor', 'command_id', 'command', 'outcome', 'prev_hash', 'hash'],
  optionalText: ['correlation_id', 'causation_id'],
  integer: ['position'],
  blob: ['command_words'],
});

const EVENT_TYPED = typedExpression({
  text: ['stream', 'type', 'payload'],
  optionalText: [],
  integer: ['position', 'idx', 'version', 'schema'],
  blob: ['words'],
});

// CAST to BLOB gives the bytes as they are stored; as text, invalid UTF-8 would be mended on the
// way.
const bytes = (column: string, name = column): string => `CAST(${column} AS BLOB) AS ${name}`;

const RAW_COMMITS = `SELECT position, ${bytes('host')}, ${bytes('at')}, ${bytes('actor')},
    ${bytes('command_id', 'commandId')}, ${bytes('command')}, ${bytes('command_words', 'commandWords')},
    ${bytes('outcome')}, ${bytes('correlation_id', 'correlationId')},
    ${bytes('causation_id', 'causationId')}, ${bytes('prev_hash', 'prevHash')}, ${bytes('hash')},
    ${COMMIT_TYPED} AS typed
  FROM commits NOT INDEXED WHERE position > ? ORDER BY position LIMIT ?`;

const RAW_EVENTS = `SELECT rowid, position, idx, ${bytes('stream')}, version, ${bytes('type')}, schema,
    ${bytes('payload')}, ${bytes('words')}, ${EVENT_TYPED} AS typed
  FROM events NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT ?`;

/**
 * The log by table scans only (`NOT INDEXED`): an index that was not tampered with along with its
 * table would show the old value, and one that was would hide the row.
 */
export class SqliteRawLog implements RawLog {
  private readonly count;
  private readonly rawCommits;
  private readonly rawEvents;
  private readonly misplaced;
  private readonly digest;
  private readonly eventAt;

  constructor(
    private readonly db: Database.Database,
    private readonly file: string,
  ) {
    this.count = lazily<[], { n: number }>(db, 'SELECT count(*) AS n FROM commits NOT INDEXED');
    this.rawCommits = lazily<[number, number], Flat<CommitRow<Buffer>>>(db, RAW_COMMITS);
    this.rawEvents = lazily<[number, number], Flat<EventRow<Buffer>> & { readonly rowid: number }>(
      db,
      RAW_EVENTS,
    );
    this.misplaced = lazily<[number, number], { position: number | null }>(
      db,
      `SELECT min(position) AS position FROM events NOT INDEXED
       WHERE typeof(position) = 'integer' AND position < ? AND rowid > ?`,
    );
    this.digest = lazily<[number], { position: number | null }>(
      db,
      'SELECT min(position) AS position FROM digests WHERE position > ?',
    );
    this.eventAt = lazily<[number], { position: number }>(
      db,
      'SELECT position FROM events NOT INDEXED WHERE rowid = ?',
    );
  }

  archives(): readonly ArchiveRecord[] {
    return guarded(this.file, () => new ArchiveTables(this.db).all());
  }

  commitCount(): number {
    return guarded(this.file, () => this.count().get()?.n ?? 0);
  }

  commits(after: number, limit: number): readonly RawCommit[] {
    return guarded(this.file, () =>
      this.rawCommits()
        .all(after, limit)
        .map(({ typed, ...row }) => ({ row, typed: typed === 1 })),
    );
  }

  events(after: number, limit: number): readonly RawEvent[] {
    return guarded(this.file, () =>
      this.rawEvents()
        .all(after, limit)
        .map(({ typed, rowid, ...row }) => ({ rowid, row, typed: typed === 1 })),
    );
  }

  misplacedEvent(position: number, after: number): number | undefined {
    return guarded(this.file, () => this.misplaced().get(position, after)?.position ?? undefined);
  }

  digestAfter(position: number): number | undefined {
    return guarded(this.file, () => this.digest().get(position)?.position ?? undefined);
  }

  structure(): { readonly position: number; readonly reason: string } | undefined {
    return guarded(this.file, () => {
      for (const table of ['commits', 'events', 'digests']) {
        const [finding] = this.db.pragma(`integrity_check(${table})`) as {
          integrity_check: string;
        }[];
        const message = finding?.integrity_check ?? 'ok';
        if (message !== 'ok') {
          return { position: this.positionOf(table, message), reason: `${table}: ${message}` };
        }
      }
      return undefined;
    });
  }

  /** The commit that a finding ("row 7 missing from index …") is about; 0 when it names no row. */
  private positionOf(table: string, message: string): number {
    const rowid = Number(/\brow (\d+)\b/.exec(message)?.[1] ?? 0);
    if (table !== 'events') return rowid;
    return this.eventAt().get(rowid)?.position ?? 0;
  }
}
