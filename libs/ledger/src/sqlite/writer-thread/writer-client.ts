import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EncodedDraft } from '../../draft-encoding';
import { LedgerError } from '../../ledger-error';
import type { Receipt, WriterReply, WriterRequest, WriterThreadData } from './messages';

const ENTRY = join(__dirname, `writer-thread${extname(__filename)}`);
// Run from the sources, as tests do, the thread has to compile them as it loads them.
const EXEC_ARGV =
  extname(ENTRY) === '.ts'
    ? ['--require', join(__dirname, '../../../../../scripts/compile-on-load.cjs')]
    : [];

interface Asked {
  readonly resolve: (reply: WriterReply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The asking side of the writer thread. The thread is started by the first batch: a ledger that is
 * only read has none. It keeps the process alive only while an answer is awaited.
 */
export class WriterClient {
  private worker: Worker | undefined;
  private readonly asked: Asked[] = [];
  private lost: Error | undefined;

  constructor(private readonly data: WriterThreadData) {}

  /**
   * @throws LedgerError when nothing of the batch was written, `outcome-unknown` when the thread
   *   can't tell.
   */
  async append(batch: readonly EncodedDraft[]): Promise<readonly Receipt[]> {
    const reply = await this.ask(batch);
    if ('kind' in reply) throw new LedgerError(reply.code, reply.message);
    return reply;
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    const worker = this.worker;
    if (worker === undefined || this.lost !== undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage(null satisfies WriterRequest);
    await ended;
  }

  private ask(batch: readonly EncodedDraft[]): Promise<WriterReply> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      this.asked.push({ resolve, reject });
      worker.ref();
      worker.postMessage(batch satisfies WriterRequest);
    });
  }

  private start(): Worker {
    const worker = new Worker(ENTRY, { workerData: this.data, execArgv: EXEC_ARGV });
    worker.on('message', (reply: WriterReply) => {
      this.asked.shift()?.resolve(reply);
      if (this.asked.length === 0) worker.unref();
    });
    worker.on('error', (error) => this.lose(error));
    worker.on('exit', (code) => this.lose(new Error(`it ended with ${code}`)));
    return worker;
  }

  private lose(cause: Error): void {
    const message = `${this.data.file}: the writer thread is gone: ${cause.message}`;
    this.lost ??= new LedgerError('outcome-unknown', message, { cause });
    for (const { reject } of this.asked.splice(0)) reject(this.lost);
  }
}
