import type Database from 'better-sqlite3';
import { conflictOf, isRetry, type ChainHead } from '../admission';
import { GENESIS_HASH } from '../commit-hash';
import { LedgerError } from '../ledger-error';
import { assertDurable } from './connection';
import { draftsOf, type Column, type PackedBatch, type PackedDraft } from './packed-batch';
import { asLedgerError, sqliteCode } from './sqlite-error';
import { StreamVersions } from './stream-versions';
import { UnknownOutcome } from './unknown-outcome';
import { WriterStatements, type KnownCommand } from './writer-statements';
import type { Receipt } from './writer-thread/messages';
import type { WalFolding } from './writer-thread/wal-folding';

/**
 * Pages in the WAL before a commit folds it into the file: more than the usual 1,000, as others wait
 * for it; and where a thread folds, so many that it is only done should the thread fail to.
 */
const FOLD_PAGES = { here: 4000, besideThread: 16_000 };

/** An answer, and the end of the chain after it. */
interface Written {
  readonly receipt: Receipt;
  readonly head: ChainHead;
}

/**
 * Appends batches over the one writing connection, each in one transaction and one fsync. Runs in
 * the writer thread.
 */
export class CommitWriter {
  private db: Database.Database;
  private statements: WriterStatements;
  private readonly versions: StreamVersions;
  /** Columns of the events whose commits are inserted, to be inserted many at a time. */
  private events: Column[] = [];
  private isDurabilityProven = false;
  private unknown: UnknownOutcome | undefined;

  /**
   * @param open opens a writing connection; called again when the disk failed in the middle of a
   *   commit.
   * @param file names it in errors.
   * @param folding folds the WAL into the file; without it, some commit does.
   */
  constructor(
    private readonly open: () => Database.Database,
    private readonly file: string,
    private readonly folding?: WalFolding,
  ) {
    this.db = open();
    this.statements = new WriterStatements(this.db);
    this.versions = new StreamVersions((stream) => this.statements.versionOf(stream));
    this.limitWal();
  }

  /**
   * Writes the admitted drafts of batches in one transaction and returns once it is durable. A
   * draft that is refused, or that alone can't be written, leaves the others alone. The bytes of
   * one that was written are then those its hash is of.
   * @throws LedgerError when nothing of the batch was written; `outcome-unknown` when the disk
   *   keeps failing, so that not even that can be found out.
   */
  async append(batches: readonly PackedBatch[]): Promise<readonly Receipt[]> {
    await this.settle();
    try {
      return this.write(batches, (draft, head) => this.appendOne(draft, head));
    } catch (error) {
      if (this.unknown !== undefined) {
        await this.settle();
        throw asLedgerError(error, this.file);
      }
      if (!concernsOneDraft(error)) throw asLedgerError(error, this.file);
    }
    // One of them is at fault. Each in a savepoint of its own, the others are written.
    try {
      return this.write(batches, (draft, head) => this.appendInSavepoint(draft, head));
    } catch (error) {
      await this.settle();
      throw asLedgerError(error, this.file);
    }
  }

  /**
   * Keeps the WAL short. To be called after each transaction that a thread folds beside, when it is
   * answered.
   * @param bytes of its commits.
   */
  fold(bytes: number): void {
    try {
      this.folding?.wrote(this.db, bytes);
    } catch (error) {
      // It stays in the WAL, as after a commit whose own folding fails.
      if (sqliteCode(error) === undefined) throw error;
    }
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.folding?.close();
    // Last, so that it is the one that folds what is left and removes the WAL.
    this.db.close();
  }

  private limitWal(): void {
    const pages = this.folding === undefined ? FOLD_PAGES.here : FOLD_PAGES.besideThread;
    this.db.pragma(`wal_autocheckpoint = ${pages}`);
  }

  private write(
    batches: readonly PackedBatch[],
    append: (draft: PackedDraft, head: ChainHead) => Written,
  ): readonly Receipt[] {
    let committing = false;
    try {
      this.statements.begin.run();
      // Read under the write lock: another process may have appended since the last batch.
      let head = this.statements.head.get() ?? { position: 0, hash: GENESIS_HASH };
      this.versions.continueFrom(head.hash);
      const receipts: Receipt[] = [];
      for (const draft of draftsOf(batches)) {
        const written = append(draft, head);
        head = written.head;
        receipts.push(written.receipt);
      }
      this.insertEvents();
      committing = true;
      this.statements.commit.run();
      this.versions.reached(head.hash);
      this.proveDurability();
      return receipts;
    } catch (error) {
      this.events = [];
      this.versions.clear();
      if (committing && UnknownOutcome.isPossibleAfter(error)) {
        this.unknown = new UnknownOutcome(this.file);
      }
      // Some errors (disk full, I/O) have rolled back already.
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  private appendInSavepoint(draft: PackedDraft, head: ChainHead): Written {
    this.statements.save.run();
    try {
      const written = this.appendOne(draft, head);
      this.insertEvents();
      this.statements.keep.run();
      return written;
    } catch (error) {
      if (!this.db.inTransaction || !concernsOneDraft(error)) throw error;
      this.events = [];
      this.versions.clear();
      this.statements.undo.run();
      this.statements.keep.run();
      const { code, message } = asLedgerError(error, this.file) as LedgerError;
      return { receipt: { kind: 'failed', code, message }, head };
    }
  }

  private appendOne(draft: PackedDraft, head: ChainHead): Written {
    const conflict = conflictOf(draft.reads, this.versionOf);
    if (conflict !== undefined) {
      const known = this.statements.known.get(draft.commandId);
      return { receipt: known === undefined ? conflict : answerKnown(draft, known), head };
    }
    const placed = draft.place(head, this.nextVersion);
    if (!this.statements.insertCommit(placed.commitRow)) {
      this.versions.takeBack(placed.streams);
      return { receipt: answerKnown(draft, this.statements.known.get(draft.commandId)!), head };
    }
    for (const column of placed.eventColumns) this.events.push(column);
    this.insertEvents(false);
    const { position, hash } = placed;
    return { receipt: { kind: 'appended', position, hash }, head: { position, hash } };
  }

  private readonly versionOf = (stream: string): number => this.versions.of(stream);
  private readonly nextVersion = (stream: string): number => this.versions.next(stream);

  private insertEvents(all = true): void {
    const inserted = this.statements.insertEvents(this.events, all);
    if (inserted > 0) this.events = this.events.slice(inserted);
  }

  private proveDurability(): void {
    if (this.isDurabilityProven) return;
    assertDurable(this.db, this.file);
    this.isDurabilityProven = true;
  }

  /** Nothing is written, and nobody answered, before an unknown outcome is known. */
  private async settle(): Promise<void> {
    if (this.unknown === undefined) return;
    await this.unknown.settle(() => this.reopen());
    this.unknown = undefined;
  }

  private reopen(): Database.Database {
    const db = this.open();
    this.db.close();
    this.db = db;
    this.statements = new WriterStatements(db);
    this.limitWal();
    this.isDurabilityProven = false;
    return db;
  }
}

function answerKnown(draft: PackedDraft, known: KnownCommand): Receipt {
  const { position } = known;
  return { kind: isRetry(draft.command, known) ? 'duplicate' : 'command-id-reused', position };
}

/**
 * A constraint the draft breaks, a stored commit that can't be decoded or is archived; anything else is trouble
 * of the whole file.
 */
function concernsOneDraft(error: unknown): boolean {
  if (error instanceof LedgerError) return ['corrupt', 'archived'].includes(error.code);
  return /^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)/.test(sqliteCode(error) ?? '');
}
