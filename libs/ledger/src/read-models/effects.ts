import type Database from 'better-sqlite3';
import { decodeJson, encodeJson, type JsonObject } from '../json';
import { PAGE_ROWS } from '../limits';
import { lazily } from '../sqlite/columns';
import { guarded } from '../sqlite/sqlite-error';

/** Something the machine did in answer to a commit. */
export interface Effect {
  readonly kind: string;
  readonly payload: JsonObject;
  /** Bulk data beside the payload, e.g. command words. */
  readonly words?: Uint8Array;
}

/** An effect as stored; `position/idx` is its name. */
export interface StoredEffect extends Effect {
  readonly position: number;
  /** 0, 1, 2 … within its commit. */
  readonly idx: number;
}

interface EffectRow {
  readonly position: number;
  readonly idx: number;
  readonly kind: string;
  readonly payload: string;
  readonly words: Uint8Array | null;
}

const COLUMNS = 'position, idx, kind, payload, words';

/** The `effects` table. Effects can always be computed again from the log. */
export class Effects {
  private readonly insert;
  private readonly remove;
  private readonly removeAll;
  private readonly ofPosition;
  private readonly page;

  constructor(
    private readonly db: Database.Database,
    private readonly file: string,
  ) {
    this.insert = lazily<[EffectRow], never>(
      db,
      `INSERT INTO effects (${COLUMNS}) VALUES (@position, @idx, @kind, @payload, @words)`,
    );
    this.remove = lazily<[number], never>(db, 'DELETE FROM effects WHERE position = ?');
    this.removeAll = lazily<[], never>(db, 'DELETE FROM effects');
    this.ofPosition = lazily<[number], EffectRow>(
      db,
      `SELECT ${COLUMNS} FROM effects WHERE position = ? ORDER BY idx`,
    );
    this.page = lazily<[number, number, number, number], EffectRow>(
      db,
      `SELECT ${COLUMNS} FROM effects WHERE (position, idx) > (?, ?) AND position <= ?
       ORDER BY position, idx LIMIT ?`,
    );
  }

  /**
   * Stores the effects of a commit, in order, in place of those it had.
   * @throws LedgerError `invalid-draft` for a payload that JSON can't hold exactly; `busy`, `io`.
   */
  write(position: number, effects: readonly Effect[]): void {
    const rows = effects.map((effect, idx) => ({
      position,
      idx,
      kind: effect.kind,
      payload: encodeJson(effect.payload, `effects[${idx}].payload`),
      words: effect.words ?? null,
    }));
    guarded(this.file, () => {
      this.db
        .transaction(() => {
          this.remove().run(position);
          for (const row of rows) this.insert().run(row);
        })
        .immediate();
    });
  }

  /** The effects of one commit, in order. */
  read(position: number): readonly StoredEffect[] {
    return guarded(this.file, () => this.ofPosition().all(position).map(decode));
  }

  /** The effects of positions after < p ≤ until, in order, read in pages. */
  *range(after = 0, until = Number.MAX_SAFE_INTEGER): Generator<StoredEffect, void, undefined> {
    let last = { position: after, idx: Number.MAX_SAFE_INTEGER };
    for (;;) {
      const from = last;
      const rows = guarded(this.file, () =>
        this.page().all(from.position, from.idx, until, PAGE_ROWS),
      );
      for (const row of rows) yield decode(row);
      const end = rows.at(-1);
      if (end === undefined || rows.length < PAGE_ROWS) return;
      last = end;
    }
  }

  /** Deletes all of them. */
  clear(): void {
    guarded(this.file, () => this.removeAll().run());
  }
}

function decode(row: EffectRow): StoredEffect {
  return {
    position: row.position,
    idx: row.idx,
    kind: row.kind,
    payload: decodeJson(row.payload, `payload of effect ${row.position}/${row.idx}`),
    ...(row.words === null ? {} : { words: row.words }),
  };
}
