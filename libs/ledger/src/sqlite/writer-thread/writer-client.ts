import { Worker } from 'node:worker_threads';
import { LedgerError } from '../../ledger-error';
import type { PackedBatch } from '../packed-batch';
import {
  unpackReceipts,
  type Receipt,
  type WriterReply,
  type WriterRequest,
  type WriterThreadData,
  type WriterThreadStart,
} from './messages';
import { threadEntry } from './thread-entry';

/** A batch that came back from the writer, and what became of each of its drafts. */
export interface WrittenBatch {
  readonly batch: PackedBatch;
  readonly receipts: readonly Receipt[];
}

interface Asked {
  readonly starts: PackedBatch['starts'];
  readonly resolve: (written: WrittenBatch) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The asking side of the writer thread. The thread is started by the first batch: a ledger that is
 * only read has none. It keeps the process alive only while an answer is awaited.
 */
export class WriterClient {
  private worker: Worker | undefined;
  private readonly bell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  private readonly asked: Asked[] = [];
  /** Answers that have come and are not passed on yet. */
  private readonly answers: (() => void)[] = [];
  /** Whether an answer was passed on in this turn. */
  private isPassingOn = false;
  private lost: Error | undefined;

  /** @param onTransaction told of each transaction that is durable, and how many commits share it. */
  constructor(
    private readonly data: WriterThreadData,
    private readonly onTransaction: (commits: number) => void = () => undefined,
  ) {}

  /**
   * May be called again before the answer: batches are written in the order of the calls. The memory
   * of the batch goes to the thread, and comes back with the answer.
   * @throws LedgerError when nothing of the batch was written, `outcome-unknown` when the thread
   *   can't tell.
   */
  append(batch: PackedBatch): Promise<WrittenBatch> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    const worker = (this.worker ??= this.start());
    const { starts } = batch;
    return new Promise((resolve, reject) => {
      if (this.asked.push({ starts, resolve, reject }) === 1) worker.ref();
      this.send(worker, batch);
    });
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    const worker = this.worker;
    if (worker === undefined || this.lost !== undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    this.send(worker, null);
    await ended;
  }

  private send(worker: Worker, request: WriterRequest): void {
    // Moved to the other thread, not copied.
    worker.postMessage(request, request === null ? [] : [request.bytes.buffer]);
    Atomics.add(this.bell, 0, 1);
    Atomics.notify(this.bell, 0);
  }

  private start(): Worker {
    const workerData: WriterThreadStart = { ...this.data, bell: this.bell.buffer };
    const { file, execArgv } = threadEntry('writer-thread');
    const worker = new Worker(file, { workerData, execArgv: [...execArgv] });
    worker.on('message', (reply: WriterReply) => {
      this.take(reply);
      if (!this.isPassingOn) this.passOn();
      if (this.asked.length === 0) worker.unref();
    });
    worker.on('error', (error) => this.lose(error));
    worker.on('exit', (code) => this.lose(new Error(`it ended with ${code}`)));
    return worker;
  }

  private take({ requests, answer, bytes }: WriterReply): void {
    const answered = this.asked.splice(0, requests);
    if ('kind' in answer) {
      const error = new LedgerError(answer.code, answer.message);
      for (const { reject } of answered) this.answers.push(() => reject(error));
      return;
    }
    this.onTransaction(answer.hashes.length);
    const receipts = unpackReceipts(answer);
    let next = 0;
    answered.forEach(({ starts, resolve }, i) => {
      const own = receipts.slice(next, (next += starts.length));
      const batch = { bytes: bytes[i]!, starts };
      this.answers.push(() => resolve({ batch, receipts: own }));
    });
  }

  /**
   * One batch's answer a turn of the event loop: all that shared a large transaction would go on at
   * once otherwise, and nothing else until they are done.
   */
  private readonly passOn = (): void => {
    const answer = this.answers.shift();
    this.isPassingOn = answer !== undefined;
    if (answer === undefined) return;
    answer();
    setImmediate(this.passOn);
  };

  private lose(cause: Error): void {
    const message = `${this.data.file}: the writer thread is gone: ${cause.message}`;
    this.lost ??= new LedgerError('outcome-unknown', message, { cause });
    for (const { reject } of this.asked.splice(0)) reject(this.lost);
  }
}
