import { archivedError } from './archive/archived-commit';
import { AppendQueue } from './append-queue';
import type { CommitPage, CommitStore, Eventually, NamePage } from './commit-store';
import { encodeDraft, type EncodedDraft } from './draft-encoding';
import { LedgerError } from './ledger-error';
import { BATCH_LIMIT, PAGE_ROWS, QUEUE_LIMIT } from './limits';
import type {
  AppendResult,
  Archive,
  CommitDraft,
  CommitEvents,
  CommitHeader,
  CommitListener,
  CommitRange,
  Ledger,
  StoredCommit,
  StoredEvent,
  StreamRange,
  Subscription,
  Verification,
} from './port';
import { CatchUpSubscription, type CommitSource } from './subscription';
import { verifyLog } from './verification';

/** How a ledger over a store behaves. */
export interface StoreLedgerOptions {
  /** Most appends waiting before `queue-full`. */
  readonly queueLimit?: number;
  /**
   * How often subscriptions look for commits of other writers, in milliseconds; never when
   * undefined.
   */
  readonly pollMs?: number;
}

/**
 * The ledger port over any CommitStore: queueing, paging, subscriptions and verification, once for
 * all adapters.
 */
export class StoreLedger implements Ledger {
  private readonly queue: AppendQueue<EncodedDraft, AppendResult>;
  private readonly subscriptions = new Set<CatchUpSubscription>();
  private readonly source: CommitSource;
  private closing: Promise<void> | undefined;
  private isStoreClosed = false;

  constructor(
    private readonly store: CommitStore,
    options: StoreLedgerOptions = {},
  ) {
    this.queue = new AppendQueue((batch) => this.write(batch), {
      queued: options.queueLimit ?? QUEUE_LIMIT,
      ...(store.pace ?? { batch: BATCH_LIMIT }),
    });
    this.source = {
      commitsAfter: (position) => this.pages({ after: position }),
      pollMs: options.pollMs,
    };
  }

  async append(draft: CommitDraft): Promise<AppendResult> {
    this.assertOpen();
    return this.queue.push(encodeDraft(draft));
  }

  async latest(): Promise<number> {
    this.assertOpen();
    return this.store.latest();
  }

  async commit(position: number): Promise<StoredCommit | undefined> {
    this.assertOpen();
    const page = { after: position - 1, until: position, limit: 1 };
    const found = (await this.store.commitPage(page))[0];
    if (found === undefined) await this.assertNotArchived(page);
    return found;
  }

  commits(range: CommitRange = {}): AsyncIterable<StoredCommit> {
    return { [Symbol.asyncIterator]: () => this.pages(range) };
  }

  events(range: CommitRange = {}): AsyncIterable<CommitEvents> {
    const page = (page: CommitPage) => this.store.commitEventsPage(page);
    return { [Symbol.asyncIterator]: () => this.pagesOf(page, range) };
  }

  stream(stream: string, range: StreamRange = {}): AsyncIterable<StoredEvent> {
    return { [Symbol.asyncIterator]: () => this.eventPages(stream, range) };
  }

  headers(range: Omit<CommitRange, 'host'> = {}): AsyncIterable<CommitHeader> {
    const page = (page: CommitPage) => this.store.headerPage(page);
    return { [Symbol.asyncIterator]: () => this.pagesOf(page, range) };
  }

  async archives(): Promise<readonly Archive[]> {
    this.assertOpen();
    return this.store.archives();
  }

  async *hosts(): AsyncGenerator<string, void, undefined> {
    const archived = new Set((await this.archives()).map(({ host }) => host));
    for await (const host of this.names((page) => this.store.hostPage(page))) {
      if (!archived.has(host)) yield host;
    }
  }

  streams(kind: string): AsyncIterable<string> {
    return this.names((page) => this.store.streamPage(kind, page));
  }

  subscribe(after: number, listener: CommitListener): Subscription {
    this.assertOpen();
    const subscription: CatchUpSubscription = new CatchUpSubscription(
      this.source,
      after,
      listener,
      () => this.subscriptions.delete(subscription),
    );
    this.subscriptions.add(subscription);
    return subscription;
  }

  async verify(): Promise<Verification> {
    this.assertOpen();
    return verifyLog(this.store.rawLog());
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    await this.queue.drained();
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()));
    this.isStoreClosed = true;
    await this.store.close();
  }

  private write(batch: readonly EncodedDraft[]): Promise<readonly (AppendResult | LedgerError)[]> {
    return Promise.resolve(this.store.appendBatch(batch)).then((answers) => {
      for (const subscription of this.subscriptions) subscription.wake();
      return answers;
    });
  }

  private pages(range: CommitRange): AsyncGenerator<StoredCommit, void, undefined> {
    return this.pagesOf((page) => this.store.commitPage(page), range);
  }

  private async *pagesOf<Commit extends { readonly position: number }>(
    read: (page: CommitPage) => Eventually<readonly Commit[]>,
    range: CommitRange,
  ): AsyncGenerator<Commit, void, undefined> {
    this.assertReadable();
    const until = range.until ?? (await this.store.latest());
    const host = range.host === undefined ? {} : { host: range.host };
    if (range.host !== undefined) {
      const archive = await this.store.archiveOfHost(range.host);
      if (archive !== undefined) throw archivedError(`what ${range.host} did`, archive);
    }
    let after = range.after ?? 0;
    while (after < until) {
      this.assertReadable();
      const page = await read({ after, until, limit: PAGE_ROWS, ...host });
      for (const row of page) yield row;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = last.position;
    }
  }

  private async *names(
    read: (page: NamePage) => Eventually<readonly string[]>,
  ): AsyncGenerator<string, void, undefined> {
    for (let after = ''; ;) {
      this.assertReadable();
      const page = await read({ after, limit: PAGE_ROWS });
      for (const name of page) yield name;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = last;
    }
  }

  private async *eventPages(
    stream: string,
    range: StreamRange,
  ): AsyncGenerator<StoredEvent, void, undefined> {
    this.assertReadable();
    const archive = await this.store.archiveOfStream(stream);
    if (archive !== undefined) throw archivedError(stream, archive);
    const until = range.until ?? (await this.store.latest());
    let after = range.after ?? 0;
    for (;;) {
      this.assertReadable();
      const page = await this.store.eventPage({ stream, after, until, limit: PAGE_ROWS });
      for (const row of page) yield row;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = last.version;
    }
  }

  /** A commit that is not to be found is in an archive, or there is none. */
  private async assertNotArchived(page: CommitPage): Promise<void> {
    const [header] = await this.store.headerPage(page);
    const archive = header && (await this.store.archiveOfHost(header.host));
    if (archive !== undefined) throw archivedError(`commit ${page.until}`, archive);
  }

  private assertOpen(): void {
    if (this.closing !== undefined) throw new LedgerError('closed', 'the ledger is closed');
  }

  /** Reads under way may finish while the ledger is closing, subscriptions with them. */
  private assertReadable(): void {
    if (this.isStoreClosed) throw new LedgerError('closed', 'the ledger is closed');
  }
}
