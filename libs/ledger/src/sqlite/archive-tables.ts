import type Database from 'better-sqlite3';
import type { ArchiveRecord } from '../archive/archived-commit';
import type { CommitPage } from '../commit-store';
import type { CommitHeader } from '../port';
import { lazily } from './columns';

const COLUMNS = 'host, commits, events, headers, file, sha256, archived_at AS at';

/** What the ledger knows of archived hosts. A ledger of an older schema has no such tables, and no archives. */
export class ArchiveTables {
  private readonly isThere;
  private readonly host;
  private readonly stream;
  private readonly every;
  private readonly header;

  constructor(db: Database.Database) {
    this.isThere = lazily<[], unknown>(
      db,
      "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'archives'",
    );
    this.host = lazily<[string], ArchiveRecord>(
      db,
      `SELECT ${COLUMNS} FROM archives WHERE host = ?`,
    );
    this.stream = lazily<[string], ArchiveRecord>(
      db,
      `SELECT ${COLUMNS} FROM archives
       WHERE host = (SELECT host FROM archived_streams WHERE stream = ?)`,
    );
    this.every = lazily<[], ArchiveRecord>(db, `SELECT ${COLUMNS} FROM archives ORDER BY host`);
    this.header = lazily<[number, number, number], CommitHeader>(
      db,
      `SELECT position, host, at, hash FROM commits WHERE position > ? AND position <= ?
       ORDER BY position LIMIT ?`,
    );
  }

  ofHost(host: string): ArchiveRecord | undefined {
    return this.exist() ? this.host().get(host) : undefined;
  }

  ofStream(stream: string): ArchiveRecord | undefined {
    return this.exist() ? this.stream().get(stream) : undefined;
  }

  all(): readonly ArchiveRecord[] {
    return this.exist() ? this.every().all() : [];
  }

  headers({ after, until, limit }: CommitPage): readonly CommitHeader[] {
    return this.header().all(after, until, limit);
  }

  private exist(): boolean {
    return this.isThere().get() !== undefined;
  }
}
