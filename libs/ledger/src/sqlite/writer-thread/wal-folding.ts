import { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { threadEntry } from './thread-entry';
import type { WriterThreadData } from './messages';

/** Words of the memory shared with the thread: how often it was asked, how often it was done; and what ends it. */
export const FOLDING = { asked: 0, done: 1, end: -1 } as const;

/** What the folding thread is started with. */
export interface FoldingThreadStart extends WriterThreadData {
  readonly words: SharedArrayBuffer;
}

/** Bytes of the WAL after which it is folded into the file, about. */
const FOLD_BYTES = 16 * 1024 * 1024;
/** Bytes of pages that a transaction changes beside those of its commits. */
const TRANSACTION_BYTES = 24 * 1024;

/**
 * Folds the WAL into the file beside the writer. SQLite would do it in the middle of a commit,
 * which takes as long as many commits. A thread of its own folds most of it meanwhile; what has
 * been added until it is done the writer folds itself, which is little, so that the WAL is written
 * from its start again. It must be: appending to a file costs more than writing over it.
 */
export class WalFolding {
  private readonly words = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  private thread: Worker | undefined;
  private ended: Promise<unknown> | undefined;
  private written = 0;
  private isUnderWay = false;
  private readonly foldBytes: number;

  constructor(private readonly data: WriterThreadData) {
    this.foldBytes = data.foldBytes ?? FOLD_BYTES;
  }

  /**
   * To be called after each transaction.
   * @param db the writing connection.
   * @param bytes of its commits.
   */
  wrote(db: Database.Database, bytes: number): void {
    this.written += bytes + TRANSACTION_BYTES;
    if (this.isUnderWay) this.finish(db);
    else if (this.written >= this.foldBytes) this.begin();
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    this.ask(FOLDING.end);
    await this.ended;
  }

  private begin(): void {
    if (this.thread === undefined) {
      const { file, execArgv } = threadEntry('folding-thread');
      const workerData: FoldingThreadStart = { ...this.data, words: this.words.buffer };
      this.thread = new Worker(file, { workerData, execArgv: [...execArgv] });
      this.ended = new Promise((resolve) => this.thread?.once('exit', resolve));
    }
    this.isUnderWay = true;
    this.ask(Atomics.load(this.words, FOLDING.asked) + 1);
  }

  private finish(db: Database.Database): void {
    const isDone =
      Atomics.load(this.words, FOLDING.done) === Atomics.load(this.words, FOLDING.asked);
    if (!isDone) return;
    this.isUnderWay = false;
    this.written = 0;
    db.pragma('wal_checkpoint(PASSIVE)');
  }

  private ask(value: number): void {
    Atomics.store(this.words, FOLDING.asked, value);
    Atomics.notify(this.words, FOLDING.asked);
  }
}
