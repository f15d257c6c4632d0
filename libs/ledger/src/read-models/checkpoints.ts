import type Database from 'better-sqlite3';
import { lazily } from '../sqlite/columns';
import { guarded } from '../sqlite/sqlite-error';

/** The `checkpoints` table: the last position each projection has applied. */
export class Checkpoints {
  private readonly select;
  private readonly upsert;
  private readonly rows;
  private readonly delete;

  constructor(
    db: Database.Database,
    private readonly file: string,
  ) {
    this.select = lazily<[string], { readonly position: number }>(
      db,
      'SELECT position FROM checkpoints WHERE projection = ?',
    );
    this.rows = lazily<[], { readonly projection: string; readonly position: number }>(
      db,
      'SELECT projection, position FROM checkpoints ORDER BY projection',
    );
    this.delete = lazily<[string], never>(db, 'DELETE FROM checkpoints WHERE projection = ?');
    this.upsert = lazily<[string, number], never>(
      db,
      `INSERT INTO checkpoints (projection, position) VALUES (?, ?)
       ON CONFLICT (projection) DO UPDATE SET position = excluded.position`,
    );
  }

  /** 0 for a projection that has applied nothing. */
  get(projection: string): number {
    return guarded(this.file, () => this.select().get(projection)?.position ?? 0);
  }

  /** Every projection that has applied something, by name. */
  all(): ReadonlyMap<string, number> {
    const rows = guarded(this.file, () => this.rows().all());
    return new Map(rows.map(({ projection, position }) => [projection, position]));
  }

  /** Forgets one. */
  remove(projection: string): void {
    guarded(this.file, () => this.delete().run(projection));
  }

  /** To be called in the transaction that writes the projection's rows. */
  set(projection: string, position: number): void {
    guarded(this.file, () => this.upsert().run(projection, position));
  }
}
