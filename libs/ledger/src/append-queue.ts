import { LedgerError } from './ledger-error';

/**
 * Writes a batch as one transaction. One answer for each item, an error standing for the item it
 * belongs to.
 */
export type BatchWriter<Item, Answer> = (
  batch: readonly Item[],
) => readonly (Answer | LedgerError)[] | Promise<readonly (Answer | LedgerError)[]>;

/** Bounds of a queue, in items. */
export interface QueueLimits {
  /** Waiting or being written; a further push is refused. */
  readonly queued: number;
  readonly batch: number;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what is pushed while one batch is written, or within the same turn of the event
 * loop, shares the next batch and so its fsync. Items are written in the order pushed.
 */
export class AppendQueue<Item, Answer> {
  private waiting: Waiting<Item, Answer>[] = [];
  private inFlight = 0;
  private isFlushScheduled = false;
  private idle: (() => void)[] = [];

  constructor(
    private readonly write: BatchWriter<Item, Answer>,
    private readonly limits: QueueLimits,
  ) {}

  /**
   * Resolves with the item's answer after its batch was written.
   * @throws LedgerError `queue-full` at once; whatever the writer throws, for every item of the
   *   batch.
   */
  push(item: Item): Promise<Answer> {
    if (this.waiting.length + this.inFlight >= this.limits.queued) {
      return Promise.reject(
        new LedgerError(
          'queue-full',
          `${this.limits.queued} commits are waiting to be written; this one was not taken, try again later`,
        ),
      );
    }
    return new Promise<Answer>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.schedule();
    });
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.waiting.length + this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (this.isFlushScheduled) return;
    this.isFlushScheduled = true;
    setImmediate(() => void this.flush());
  }

  private async flush(): Promise<void> {
    const batch = this.waiting.splice(0, this.limits.batch);
    this.inFlight = batch.length;
    try {
      const answers = await this.write(batch.map((waiting) => waiting.item));
      batch.forEach((waiting, i) => settle(waiting, answers[i]));
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
    this.inFlight = 0;
    this.isFlushScheduled = false;
    if (this.waiting.length > 0) this.schedule();
    else for (const resolve of this.idle.splice(0)) resolve();
  }
}

function settle<Item, Answer>(
  waiting: Waiting<Item, Answer>,
  answer: Answer | LedgerError | undefined,
): void {
  if (answer === undefined) waiting.reject(new Error('the writer left an item unanswered'));
  else if (answer instanceof LedgerError) waiting.reject(answer);
  else waiting.resolve(answer);
}
