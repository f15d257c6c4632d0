import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { APPLICATION_ID, pragmaValue } from './connection';

/** One numbered step of the schema. Forward only: once released, a file never changes. */
export interface Migration {
  /** 1, 2, 3 …, no gaps; `PRAGMA user_version` of a ledger is the last one applied. */
  readonly id: number;
  readonly name: string;
  readonly sql: string;
  /** Of the text with LF line ends, as 64 hex digits. */
  readonly sha256: string;
  /**
   * Whether it only shapes read models (`*.read-models.sql`), which may be dropped and made anew.
   */
  readonly isReadModels: boolean;
}

const FILE_NAME = /^(\d{4})-[a-z0-9-]+(\.read-models)?\.sql$/;

const RECORD_TABLE = `
  CREATE TABLE IF NOT EXISTS migrations (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
  )`;

/**
 * Reads a migrations directory and tries it on a database in memory, so that a broken one never
 * touches a ledger.
 * @throws LedgerError `bad-migrations`
 */
export function loadMigrations(directory: string): readonly Migration[] {
  let names: string[];
  try {
    names = readdirSync(directory)
      .filter((name) => name.endsWith('.sql'))
      .sort();
  } catch (cause) {
    throw new LedgerError('bad-migrations', `${directory}: ${(cause as Error).message}`, { cause });
  }
  const migrations = names.map((name, index) => readMigration(directory, name, index + 1));
  if (migrations.length === 0) {
    throw new LedgerError(
      'bad-migrations',
      `${directory}: holds no migration; expected 0001-….sql`,
    );
  }
  rehearse(migrations, directory);
  return migrations;
}

/**
 * Brings a ledger opened for writing up to date, in one transaction: all pending migrations and
 * their records, or nothing.
 * @throws LedgerError `newer-version`, `unknown-schema`
 */
export function migrate(
  db: Database.Database,
  migrations: readonly Migration[],
  file: string,
): void {
  if (appliedCount(db, migrations, file) === migrations.length) return;
  db.transaction(() => {
    // Asked again under the write lock: another process may have been faster.
    const applied = appliedCount(db, migrations, file);
    apply(db, migrations.slice(applied));
  }).immediate();
}

/**
 * The oldest schema whose log this release reads as it lies there: since then the columns of `commits`, `events` and
 * `digests` are what they are, and migrations have changed only indexes, read models and tables beside them. One that
 * changes more raises this to its own number.
 */
const OLDEST_READABLE = 1;

/**
 * Checks that a ledger opened for reading has a schema whose log this release can read.
 * @returns the number of its schema: that of this release, or an older one whose read models may lack something.
 * @throws LedgerError `newer-version`, `older-version`, `unknown-schema`
 */
export function assertReadable(
  db: Database.Database,
  migrations: readonly Migration[],
  file: string,
): number {
  const applied = appliedCount(db, migrations, file);
  if (applied < OLDEST_READABLE) throw olderVersion(file, applied, migrations.length);
  return applied;
}

/** The error for a ledger whose schema lacks what was asked for. */
export function olderVersion(file: string, version: number, expected: number): LedgerError {
  return new LedgerError(
    'older-version',
    `${file}: schema version ${version}, expected ${expected}; opening it for writing brings it up to date`,
  );
}

function readMigration(directory: string, name: string, id: number): Migration {
  const match = FILE_NAME.exec(name);
  if (match === null || Number(match[1]) !== id) {
    const number = String(id).padStart(4, '0');
    throw new LedgerError(
      'bad-migrations',
      `${directory}: found ${name} where ${number}-….sql was expected`,
    );
  }
  const sql = readFileSync(join(directory, name), 'utf8').replaceAll('\r\n', '\n');
  const sha256 = createHash('sha256').update(sql).digest('hex');
  return { id, name, sql, sha256, isReadModels: match[2] !== undefined };
}

/** Sequences that have worked in this process, by the hashes of their files. */
const rehearsed = new Set<string>();

/** Files are read at every opening, but the same text is tried only once: it took most of an opening's time. */
function rehearse(migrations: readonly Migration[], directory: string): void {
  const sequence = migrations.map(({ name, sha256 }) => `${name} ${sha256}`).join('\n');
  if (rehearsed.has(sequence)) return;
  const db = new Database(':memory:');
  try {
    db.transaction(() => apply(db, migrations))();
    rehearsed.add(sequence);
  } catch (cause) {
    throw new LedgerError('bad-migrations', `${directory}: ${(cause as Error).message}`, { cause });
  } finally {
    db.close();
  }
}

function apply(db: Database.Database, migrations: readonly Migration[]): void {
  db.exec(RECORD_TABLE);
  const record = db.prepare('INSERT INTO migrations (id, name, sha256) VALUES (?, ?, ?)');
  for (const { id, name, sha256, sql } of migrations) {
    db.exec(sql);
    record.run(id, name, sha256);
    db.pragma(`user_version = ${id}`);
  }
  db.pragma(`application_id = ${APPLICATION_ID}`);
}

/** How many of the migrations the ledger has, having checked that they are these. */
function appliedCount(
  db: Database.Database,
  migrations: readonly Migration[],
  file: string,
): number {
  const version = Number(pragmaValue(db, 'user_version'));
  if (version > migrations.length) {
    throw new LedgerError(
      'newer-version',
      `${file}: schema version ${version}, written by a newer release; this one knows versions up to ${migrations.length}`,
    );
  }
  if (version === 0) return 0;
  const recorded = db
    .prepare<[], { id: number; sha256: string }>('SELECT id, sha256 FROM migrations ORDER BY id')
    .all();
  const isSame = recorded.every(({ id, sha256 }, i) => {
    const migration = migrations[i];
    return migration?.id === id && migration.sha256 === sha256;
  });
  if (recorded.length !== version || !isSame) {
    throw new LedgerError(
      'unknown-schema',
      `${file}: its recorded migrations are not those of this release (schema version ${version})`,
    );
  }
  return version;
}
