import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { splitNotes } from '../evidence/checkpoint';
import { LedgerError, type LedgerErrorCode } from '../ledger-error';
import type { CommitDraft } from '../port';
import { SnapshotStore } from '../snapshots/snapshot-store';
import { openConnection, sqliteVersion } from '../sqlite/connection';
import { walBytes } from '../sqlite/file-inspection';
import { assertReadable, loadMigrations } from '../sqlite/migrations';
import { assertPlainSchema } from '../sqlite/plain-schema';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { checkpointsFile } from './backup';

/** One thing that was looked at. */
export interface DoctorFinding {
  readonly check: string;
  readonly ok: boolean;
  /** What was found, in a sentence. */
  readonly detail: string;
  /** What kind of trouble it is; absent when it is none. */
  readonly code?: LedgerErrorCode;
}

interface Patient {
  readonly file: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
}

/** Commits written to see how long one takes. */
const TRIALS = 5;
/** Least room that a ledger can go on with, in bytes. */
const ROOM_BYTES_MIN = 64 * 1024 * 1024;

/**
 * Looks at everything a ledger needs: the SQLite it runs on, the file, its schema, what a crash
 * left, whether commits beside it become durable, the room on its disk, and the log itself.
 * Changes nothing of it.
 * @returns every check, also those after one that failed.
 */
export async function examine(patient: Patient): Promise<readonly DoctorFinding[]> {
  const checks: readonly (readonly [string, (of: Patient) => string | Promise<string>])[] = [
    ['sqlite', () => `version ${sqliteVersion()}`],
    ['file', fileFinding],
    ['schema', schemaFinding],
    ['write-ahead log', walFinding],
    ['durability', durabilityFinding],
    ['disk space', roomFinding],
    ['log', logFinding],
    ['checkpoints', checkpointFinding],
    ['snapshots', snapshotFinding],
  ];
  const findings: DoctorFinding[] = [];
  for (const [check, look] of checks) findings.push(await found(check, () => look(patient)));
  return findings;
}

async function found(check: string, look: () => string | Promise<string>): Promise<DoctorFinding> {
  try {
    return { check, ok: true, detail: await look() };
  } catch (error) {
    if (error instanceof LedgerError) {
      return { check, ok: false, detail: error.message, code: error.code };
    }
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return { check, ok: false, detail: error.message, code: 'io' };
  }
}

function fileFinding({ file }: Patient): string {
  openConnection({ file, mode: 'read' }).close();
  return `${statSync(file).size} bytes`;
}

function schemaFinding({ file, migrations }: Patient): string {
  const known = loadMigrations(migrations);
  const db = openConnection({ file, mode: 'read' });
  try {
    assertPlainSchema(db, file);
    const schema = assertReadable(db, known, file);
    if (schema === known.length) return `version ${schema}, that of this release`;
    return `version ${schema}; this release reads it as it is, and makes it ${known.length} when it opens it for writing`;
  } finally {
    db.close();
  }
}

function walFinding({ file }: Patient): string {
  const bytes = walBytes(file);
  if (bytes === 0) return 'none left: the last writer closed the ledger';
  return `${bytes} bytes: a writer is at work, or the last one did not close; whole commits in it count, one cut short does not`;
}

/** Writes to a ledger of its own in the same folder: that one proves its settings after a write. */
async function durabilityFinding({ file, migrations }: Patient): Promise<string> {
  const folder = mkdtempSync(join(dirname(resolve(file)), '.steward-doctor-'));
  try {
    const trial = join(folder, 'trial.db');
    const ledger = await SqliteLedger.open({ file: trial, migrations, mode: 'create' });
    try {
      await ledger.append(trialCommit(0));
      const start = performance.now();
      for (let n = 1; n <= TRIALS; n++) await ledger.append(trialCommit(n));
      const ms = (performance.now() - start) / TRIALS;
      return `synchronous=FULL and a write-ahead log, asserted after a write beside the ledger; a commit takes ${ms.toFixed(1)} ms`;
    } finally {
      await ledger.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function trialCommit(n: number): CommitDraft {
  return {
    ...{ host: 'trial', at: '2026-01-31T12:00:00Z', actor: 'doctor', commandId: `trial-${n}` },
    ...{ command: { n }, outcome: { ok: true }, reads: [], events: [] },
  };
}

function roomFinding({ file }: Patient): string {
  const { bavail, bsize } = statfsSync(dirname(resolve(file)));
  const free = bavail * bsize;
  const wanted = Math.max(ROOM_BYTES_MIN, existsSync(file) ? statSync(file).size : 0);
  if (free >= wanted) return `${free} bytes free`;
  const message = `${free} bytes free; a backup or a new release's migration may take ${wanted}`;
  throw new LedgerError('io', message);
}

async function logFinding({ file, migrations }: Patient): Promise<string> {
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'read' });
  try {
    const { ok, commits, firstBad } = await ledger.verify();
    if (ok) return `${commits} commits, every hash recomputed`;
    throw new LedgerError('tampered', `BAD at commit ${firstBad?.position}: ${firstBad?.reason}`);
  } finally {
    await ledger.close();
  }
}

function checkpointFinding({ file }: Patient): string {
  const path = checkpointsFile(file);
  if (!existsSync(path))
    return 'none: a log that someone wrote anew could not be told from this one';
  const count = splitNotes(readFileSync(path, 'utf8')).length;
  return `${count}; \`verify --signed-by\` compares them`;
}

function snapshotFinding({ file }: Patient): string {
  const store = SnapshotStore.openExisting(file);
  if (store === undefined) return 'none: states are computed from the first commit on';
  try {
    const list = store.list();
    const bytes = list.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    return `${list.length}, of ${bytes} bytes`;
  } finally {
    store.close();
  }
}
