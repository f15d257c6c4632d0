import type Database from 'better-sqlite3';
import { decodeJson, encodeJson, type JsonObject } from '../json';
import { lazily } from '../sqlite/columns';
import { guarded } from '../sqlite/sqlite-error';

/** A command about a device that was refused. */
export interface Attempt {
  readonly position: number;
  readonly device: string;
  readonly at: string;
  readonly actor: string;
  readonly commandId: string;
  readonly command: JsonObject;
  readonly errno: string;
  readonly code: string;
  readonly reason: string;
}

type AttemptRow = Omit<Attempt, 'command'> & { readonly command: string };

/** The `attempts` table. */
export class Attempts {
  private readonly insert;
  private readonly between;
  private readonly removeAll;

  constructor(
    db: Database.Database,
    private readonly file: string,
  ) {
    this.insert = lazily<[AttemptRow], never>(
      db,
      `INSERT OR REPLACE INTO attempts
         (position, device, at, actor, command_id, command, errno, code, reason)
       VALUES (@position, @device, @at, @actor, @commandId, @command, @errno, @code, @reason)`,
    );
    this.removeAll = lazily<[], never>(db, 'DELETE FROM attempts');
    this.between = lazily<[string, number, number], AttemptRow>(
      db,
      `SELECT position, device, at, actor, command_id AS commandId, command, errno, code, reason
       FROM attempts WHERE device = ? AND position >= ? AND position < ? ORDER BY position`,
    );
  }

  record(attempt: Attempt): void {
    const command = encodeJson(attempt.command, 'command');
    guarded(this.file, () => this.insert().run({ ...attempt, command }));
  }

  /** Deletes all of them. */
  clear(): void {
    guarded(this.file, () => this.removeAll().run());
  }

  /** Those at a device from commit `from` on and before commit `to`, in order. */
  of(device: string, { from, to }: { readonly from: number; readonly to: number }): Attempt[] {
    const rows = guarded(this.file, () => this.between().all(device, from, to));
    return rows.map((row) => ({
      ...row,
      command: decodeJson(row.command, `command of attempt ${row.position}`),
    }));
  }
}
