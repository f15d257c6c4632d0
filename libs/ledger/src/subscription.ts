import { LedgerError } from './ledger-error';
import type { CommitListener, StoredCommit, Subscription } from './port';

/** Where a subscription reads from. */
export interface CommitSource {
  /** Commits after a position, up to what is the latest now. */
  commitsAfter(position: number): AsyncIterable<StoredCommit>;
  /**
   * How often to look for commits of other writers, which wake nobody here, in milliseconds;
   * undefined when there are none.
   */
  readonly pollMs: number | undefined;
}

interface Waiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Catch-up then live, in one loop: it always reads the log from where it stands and then sleeps
 * until woken. There is no hand-over between two modes in which a commit could be lost or repeated.
 */
export class CatchUpSubscription implements Subscription {
  readonly done: Promise<void>;
  /**
   * Resolves when it ends in either way. Apart from `done`, whose rejection must stay unhandled
   * until its owner handles it.
   */
  private readonly finished: Promise<void>;
  private finish: () => void = () => undefined;
  private handled: number;
  private isStopped = false;
  /** Counts wakes, so that one that comes while reading is not slept through. */
  private wakes = 0;
  private alarm: (() => void) | undefined;
  private waiters: Waiter[] = [];
  private ended: unknown;

  constructor(
    private readonly source: CommitSource,
    after: number,
    private readonly listener: CommitListener,
    private readonly onEnd: () => void = () => undefined,
  ) {
    this.handled = after;
    this.finished = new Promise((resolve) => (this.finish = resolve));
    this.done = this.run();
  }

  get position(): number {
    return this.handled;
  }

  reached(position: number): Promise<void> {
    if (this.handled >= position) return Promise.resolve();
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.waiters.push({ position, resolve, reject }));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.wake();
    await this.finished;
  }

  /** Tells it that there may be something new. */
  wake(): void {
    this.wakes++;
    this.alarm?.();
  }

  private async run(): Promise<void> {
    // The constructor returns before the first commit is handled.
    await Promise.resolve();
    try {
      while (!this.isStopped) {
        const wakes = this.wakes;
        await this.catchUp();
        if (this.wakes === wakes && !this.isStopped) await this.sleep();
      }
      this.end(new LedgerError('closed', `the subscription was stopped at ${this.handled}`));
    } catch (error) {
      this.end(error);
      throw error;
    }
  }

  private async catchUp(): Promise<void> {
    for await (const commit of this.source.commitsAfter(this.handled)) {
      if (this.isStopped) return;
      await this.deliver(commit);
      this.handled = commit.position;
      if (this.waiters.length > 0) this.release();
    }
  }

  private async deliver(commit: StoredCommit): Promise<void> {
    try {
      await this.listener(commit);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `a subscription stopped at commit ${commit.position}: ${why}`;
      throw new LedgerError('subscription-failed', message, { cause });
    }
  }

  private release(): void {
    const reached = this.waiters.filter((waiter) => waiter.position <= this.handled);
    this.waiters = this.waiters.filter((waiter) => waiter.position > this.handled);
    for (const waiter of reached) waiter.resolve();
  }

  private end(error: unknown): void {
    this.ended = error;
    for (const waiter of this.waiters.splice(0)) waiter.reject(error);
    this.onEnd();
    this.finish();
  }

  private sleep(): Promise<void> {
    return new Promise((resolve) => {
      const { pollMs } = this.source;
      const timer = pollMs === undefined ? undefined : setTimeout(() => this.alarm?.(), pollMs);
      // Waiting for others to write is no reason to keep the process alive.
      timer?.unref();
      this.alarm = () => {
        clearTimeout(timer);
        this.alarm = undefined;
        resolve();
      };
    });
  }
}
