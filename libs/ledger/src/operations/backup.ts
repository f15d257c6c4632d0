import { copyFileSync, existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { openConnection } from '../sqlite/connection';
import { walBytes } from '../sqlite/file-inspection';
import { openLedgerFile } from '../sqlite/ledger-file';
import { assertPlainSchema } from '../sqlite/plain-schema';
import { asLedgerError } from '../sqlite/sqlite-error';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { assertVerified } from './assert-verified';
import { headerAt } from './header-at';
import { intoPlace } from './into-place';

/** A ledger copied. */
export interface Copied {
  readonly file: string;
  readonly commits: number;
  /** Of the last commit; absent in an empty ledger. */
  readonly hash?: string;
  /** Whether checkpoints lay beside the ledger and were copied too. */
  readonly checkpoints: boolean;
}

export interface CopyOptions {
  readonly from: string;
  /** Must not exist. */
  readonly to: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
}

/** All pages in one step: a step that others write after would have to begin anew. */
const ALL_PAGES = 0x7fff_ffff;

/** Where the checkpoints of a ledger lie. */
export const checkpointsFile = (ledger: string): string => `${ledger}.checkpoints`;

/**
 * Copies a ledger that may be in use, as it is at one moment, and verifies the copy before it gets
 * its name. The copy is one file that needs no write-ahead log beside it.
 * @throws LedgerError `exists`, `tampered` when the ledger does not verify; as SqliteLedger.open
 */
export async function backUp({ from, to, migrations }: CopyOptions): Promise<Copied> {
  return newFile(to, async (part) => {
    const { db } = openLedgerFile({ file: from, mode: 'read', migrations });
    try {
      await db.backup(part, { progress: () => ALL_PAGES });
    } catch (error) {
      throw asLedgerError(error, from);
    } finally {
      db.close();
    }
    withoutWal(part);
    return checked(part, { from, to, mode: 'read', migrations });
  });
}

/**
 * Makes a ledger of a backup. What the backup holds is not believed: it must have the schema of a
 * ledger and nothing that runs, and verify. One of an older release is brought up to date.
 * @throws LedgerError `exists`, `tampered`, `unknown-schema`, `busy` for a ledger that is in use;
 *   as SqliteLedger.open
 */
export async function restore({ from, to, migrations }: CopyOptions): Promise<Copied> {
  openConnection({ file: from, mode: 'read' }).close();
  if (walBytes(from) > 0) {
    throw new LedgerError('busy', `${from}: has a write-ahead log beside it, so it is no backup`);
  }
  return newFile(to, async (part) => {
    copyFileSync(from, part);
    assertPlainFile(part);
    return checked(part, { from, to, mode: 'write', migrations });
  });
}

/** @throws LedgerError `unknown-schema` for a file that holds more than tables and indexes. */
export function assertPlainFile(file: string): void {
  const db = openConnection({ file, mode: 'read' });
  try {
    assertPlainSchema(db, file);
  } finally {
    db.close();
  }
}

/** Opens and verifies a copy, and copies the checkpoints to where they will belong to it. */
async function checked(
  part: string,
  options: CopyOptions & { readonly mode: 'read' | 'write' },
): Promise<Copied> {
  const { from, to, mode, migrations } = options;
  const ledger = await SqliteLedger.open({ file: part, mode, migrations });
  try {
    const commits = await assertVerified(ledger, from);
    const hash = (await headerAt(ledger, commits))?.hash;
    const checkpoints = existsSync(checkpointsFile(from));
    if (checkpoints) copyFileSync(checkpointsFile(from), checkpointsFile(to));
    return { file: to, commits, ...(hash !== undefined && { hash }), checkpoints };
  } finally {
    await ledger.close();
  }
}

/** A new file, made whole or not at all. */
async function newFile<T>(to: string, make: (part: string) => Promise<T>): Promise<T> {
  if (existsSync(to)) throw new LedgerError('exists', `${to} exists; it is not overwritten`);
  try {
    return await intoPlace(to, make);
  } catch (error) {
    throw systemError(error, to);
  }
}

function withoutWal(file: string): void {
  const db = new Database(file);
  try {
    db.pragma('synchronous = FULL');
    db.pragma('journal_mode = DELETE');
  } finally {
    db.close();
  }
}

function systemError(error: unknown, file: string): unknown {
  if (error instanceof LedgerError || !(error instanceof Error)) return error;
  if ('syscall' in error || /directory does not exist/.test(error.message)) {
    return new LedgerError('io', `${file}: ${error.message}`, { cause: error });
  }
  return error;
}
