import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { constants, deflate, inflateSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { guarded, sqliteCode } from '../sqlite/sqlite-error';

/** A host's state after one of its commits. */
export interface Snapshot {
  readonly host: string;
  readonly position: number;
  /** Of the commit at `position`: a snapshot belongs to one log, not to a file name. */
  readonly commitHash: string;
  /** Names the code that can read the bytes. */
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** What is known of a snapshot without reading it. Sizes are in bytes. */
export interface SnapshotEntry extends Omit<Snapshot, 'bytes'> {
  readonly rawBytes: number;
  readonly storedBytes: number;
}

interface Row extends Omit<SnapshotEntry, 'storedBytes'> {
  readonly sha256: string;
  readonly stored: Buffer;
}

/** "STWS" in `PRAGMA application_id`: the mark of a file of snapshots. */
const APPLICATION_ID = 0x53545753;
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE snapshots (
    host        TEXT NOT NULL,
    position    INTEGER NOT NULL,
    version     TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    raw_bytes   INTEGER NOT NULL,
    sha256      TEXT NOT NULL, -- of the bytes as they are stored
    stored      BLOB NOT NULL, -- deflate
    PRIMARY KEY (host, position, version)
  );
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};`;
/** No snapshot is larger, in bytes; what says so is damaged. */
const RAW_BYTES_MAX = 2 ** 30;
const BUSY_TIMEOUT_MS = 5000;

const compress = promisify(deflate);

/** The file of snapshots that belongs to a ledger's. */
export function snapshotFile(ledger: string): string {
  return `${ledger}.snapshots`;
}

/**
 * The snapshots beside a ledger, in a file of their own that may be deleted at any time: it only saves folding the
 * log. So nothing in it is trusted, and one that is damaged is begun anew.
 */
export class SnapshotStore {
  private constructor(
    private readonly db: Database.Database,
    private readonly file: string,
  ) {}

  /**
   * Opens the snapshots of a ledger, making the file if there is none.
   * @throws LedgerError `busy`, `io`
   */
  static open(ledger: string): SnapshotStore {
    const file = snapshotFile(ledger);
    return guarded(file, () => {
      try {
        return new SnapshotStore(openFile(file), file);
      } catch (error) {
        if (!isDamage(error)) throw error;
        for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
        return new SnapshotStore(openFile(file), file);
      }
    });
  }

  /** Opens those there are; undefined when there are none that can be read. */
  static openExisting(ledger: string): SnapshotStore | undefined {
    const file = snapshotFile(ledger);
    if (!existsSync(file)) return undefined;
    try {
      const db = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS });
      if (db.pragma('user_version', { simple: true }) === SCHEMA_VERSION) {
        return new SnapshotStore(db, file);
      }
      db.close();
    } catch {
      // Without it the log is folded from further back.
    }
    return undefined;
  }

  /**
   * Keeps a snapshot in place of one at the same position. It is compressed off the calling thread.
   * @returns the bytes it takes.
   * @throws LedgerError `busy`, `io`
   */
  async put({ bytes, ...entry }: Snapshot): Promise<number> {
    const stored = await compress(bytes, { level: constants.Z_BEST_SPEED });
    const row: Row = { ...entry, rawBytes: bytes.length, sha256: sha256(stored), stored };
    guarded(this.file, () =>
      this.db
        .prepare<[Row]>(
          `INSERT OR REPLACE INTO snapshots VALUES
             (@host, @position, @version, @commitHash, @rawBytes, @sha256, @stored)`,
        )
        .run(row),
    );
    return stored.length;
  }

  /**
   * The last snapshot of a host at or before a position, and behind `after`, that code of this version wrote; undefined
   * when there is none, or it is damaged.
   */
  nearest(
    host: string,
    { after = 0, position }: { readonly after?: number; readonly position: number },
    version: string,
  ): Snapshot | undefined {
    try {
      const row = this.db
        .prepare<[string, string, number, number], Row>(
          `SELECT host, position, version, commit_hash AS commitHash, raw_bytes AS rawBytes, sha256, stored
           FROM snapshots WHERE host = ? AND version = ? AND position <= ? AND position > ?
           ORDER BY position DESC LIMIT 1`,
        )
        .get(host, version, position, after);
      return row && unpacked(row);
    } catch (error) {
      if (sqliteCode(error) === undefined) throw error;
      return undefined;
    }
  }

  /** Every snapshot, by host and position. @throws LedgerError `corrupt`, `io` */
  list(): readonly SnapshotEntry[] {
    return guarded(this.file, () =>
      this.db
        .prepare<[], SnapshotEntry>(
          `SELECT host, position, version, commit_hash AS commitHash, raw_bytes AS rawBytes,
             length(stored) AS storedBytes FROM snapshots ORDER BY host, position`,
        )
        .all(),
    );
  }

  /** Deletes what code of other versions wrote. @throws LedgerError `busy`, `io` */
  keepOnly(version: string): void {
    guarded(this.file, () => {
      this.db.prepare('DELETE FROM snapshots WHERE version <> ?').run(version);
    });
  }

  /** Lets go of the file. */
  close(): void {
    this.db.close();
  }
}

function openFile(file: string): Database.Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma('journal_mode = WAL');
    // What a loss of power takes is taken again from the log; its digest tells.
    db.pragma('synchronous = OFF');
    db.transaction(() => {
      if (db.pragma('user_version', { simple: true }) === SCHEMA_VERSION) return;
      db.exec('DROP TABLE IF EXISTS snapshots');
      db.exec(SCHEMA);
    }).immediate();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(sqliteCode(error) ?? '');
}

function unpacked({ sha256: digest, stored, rawBytes, ...entry }: Row): Snapshot | undefined {
  if (!Buffer.isBuffer(stored) || digest !== sha256(stored) || rawBytes > RAW_BYTES_MAX) {
    return undefined;
  }
  try {
    return { ...entry, bytes: inflateSync(stored, { maxOutputLength: Math.max(rawBytes, 1) }) };
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
