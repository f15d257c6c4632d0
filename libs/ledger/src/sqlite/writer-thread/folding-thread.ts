import { workerData } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { assertDurable, openConnection } from '../connection';
import { FOLDING, type FoldingThreadStart } from './wal-folding';

/** How often what is in the WAL is folded before the writer is to do the rest. */
const PASSES = 3;

/**
 * The thread that folds the WAL into the file while the writer goes on: for each time it was asked,
 * what is in the WAL then.
 */
const { words: memory, file, ...options } = workerData as FoldingThreadStart;
const words = new Int32Array(memory);
let db: Database.Database | undefined;

function fold(): void {
  try {
    db ??= openConnection({ ...options, file, mode: 'write' });
    assertDurable(db, file);
    // PASSIVE: waits for nobody, and keeps no writer waiting. Each leaves less for the next: what
    // was written meanwhile.
    for (let pass = 0; pass < PASSES; pass++) db.pragma('wal_checkpoint(PASSIVE)');
  } catch {
    // Nothing is lost: it stays in the WAL, and the writer folds it when that has grown too long,
    // or is told of the error by its own commit.
    db?.close();
    db = undefined;
  }
}

for (let done = 0; ;) {
  Atomics.wait(words, FOLDING.asked, done);
  const asked = Atomics.load(words, FOLDING.asked);
  if (asked === FOLDING.end) break;
  fold();
  done = asked;
  Atomics.store(words, FOLDING.done, done);
}
db?.close();
