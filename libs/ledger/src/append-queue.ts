import { LedgerError } from './ledger-error';

/**
 * Writes a batch as one transaction. One answer for each item, an error standing for the item it
 * belongs to.
 */
export type BatchWriter<Item, Answer> = (
  batch: readonly Item[],
) => readonly (Answer | LedgerError)[] | Promise<readonly (Answer | LedgerError)[]>;

/** Bounds of a queue. */
export interface QueueLimits {
  /** Items waiting or being written; a further push is refused. */
  readonly queued: number;
  /** Items in one batch. */
  readonly batch: number;
  /** Batches given to the writer that it has not answered; 1 by default. */
  readonly underWay?: number;
}

/** Who waits for an item's answer. */
interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what is pushed while the writer has all the batches it takes, or within the same
 * turn of the event loop, shares the next batch and so its fsync. Items are written in the order
 * pushed. A full batch does not wait for the end of the turn: the writer begins with it while the
 * rest of a burst is still being pushed.
 */
export class AppendQueue<Item, Answer> {
  /** Apart from those who wait, so that an item is let go of when the writer has it. */
  private items: Item[] = [];
  private waiting: Waiting<Answer>[] = [];
  private itemsUnderWay = 0;
  private batchesUnderWay = 0;
  private isFlushScheduled = false;
  private idle: (() => void)[] = [];
  private readonly batchesMax: number;

  constructor(
    private readonly write: BatchWriter<Item, Answer>,
    private readonly limits: QueueLimits,
  ) {
    this.batchesMax = limits.underWay ?? 1;
  }

  /**
   * Resolves with the item's answer after its batch was written.
   * @throws LedgerError `queue-full` at once; whatever the writer throws, for every item of the
   *   batch.
   */
  push(item: Item): Promise<Answer> {
    if (this.waiting.length + this.itemsUnderWay >= this.limits.queued) {
      return Promise.reject(
        new LedgerError(
          'queue-full',
          `${this.limits.queued} commits are waiting to be written; this one was not taken, try again later`,
        ),
      );
    }
    return new Promise<Answer>((resolve, reject) => {
      this.items.push(item);
      this.waiting.push({ resolve, reject });
      if (this.waiting.length === this.limits.batch) this.flush();
      else this.schedule();
    });
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.waiting.length + this.itemsUnderWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (this.isFlushScheduled || this.batchesUnderWay >= this.batchesMax) return;
    this.isFlushScheduled = true;
    setImmediate(() => {
      this.isFlushScheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    while (this.waiting.length > 0 && this.batchesUnderWay < this.batchesMax) {
      const answers = this.written(this.items.splice(0, this.limits.batch));
      void this.settle(this.waiting.splice(0, this.limits.batch), answers);
    }
  }

  /** What the writer answers, as a promise also when it throws at once. */
  private written(items: readonly Item[]): Promise<readonly (Answer | LedgerError)[]> {
    try {
      return Promise.resolve(this.write(items));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  private async settle(
    batch: readonly Waiting<Answer>[],
    written: Promise<readonly (Answer | LedgerError)[]>,
  ): Promise<void> {
    this.itemsUnderWay += batch.length;
    this.batchesUnderWay++;
    try {
      const answers = await written;
      batch.forEach((waiting, i) => answer(waiting, answers[i]));
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
    this.itemsUnderWay -= batch.length;
    this.batchesUnderWay--;
    if (this.waiting.length > 0) this.schedule();
    else if (this.itemsUnderWay === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}

function answer<Answer>(
  waiting: Waiting<Answer>,
  answered: Answer | LedgerError | undefined,
): void {
  if (answered === undefined) waiting.reject(new Error('the writer left an item unanswered'));
  else if (answered instanceof LedgerError) waiting.reject(answered);
  else waiting.resolve(answered);
}
