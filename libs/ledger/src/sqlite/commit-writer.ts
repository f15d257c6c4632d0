import type Database from 'better-sqlite3';
import { refusal, seal, type ChainHead } from '../admission';
import { GENESIS_HASH } from '../commit-hash';
import type { EncodedDraft } from '../draft-encoding';
import { LedgerError } from '../ledger-error';
import type { AppendResult } from '../port';
import { decodeCommit, type CommitRow, type EventRow } from '../rows';
import { CommitReader } from './commit-reader';
import { assertDurable } from './connection';
import { asLedgerError, sqliteCode } from './sqlite-error';

/** An answer, and the end of the chain after it. */
interface Written {
  readonly answer: AppendResult;
  readonly head: ChainHead;
}

/**
 * Appends batches over the one writing connection. All synchronous: better-sqlite3 has no other
 * transactions.
 */
export class CommitWriter {
  private readonly view: CommitReader;
  private readonly head: Database.Statement<[], ChainHead>;
  private readonly insertCommit: Database.Statement<[CommitRow]>;
  private readonly insertEvent: Database.Statement<[EventRow]>;
  private readonly control: Record<
    'begin' | 'commit' | 'save' | 'undo' | 'keep',
    Database.Statement
  >;
  private isDurabilityProven = false;

  constructor(
    private readonly db: Database.Database,
    private readonly file: string,
  ) {
    this.view = new CommitReader(db);
    this.head = db.prepare('SELECT position, hash FROM commits ORDER BY position DESC LIMIT 1');
    this.insertCommit = db.prepare(
      `INSERT INTO commits (position, host, at, actor, command_id, command, command_words, outcome,
         correlation_id, causation_id, prev_hash, hash)
       VALUES (@position, @host, @at, @actor, @commandId, @command, @commandWords, @outcome,
         @correlationId, @causationId, @prevHash, @hash)`,
    );
    this.insertEvent = db.prepare(
      `INSERT INTO events (position, idx, stream, version, type, schema, payload, words)
       VALUES (@position, @idx, @stream, @version, @type, @schema, @payload, @words)`,
    );
    this.control = {
      // IMMEDIATE: a transaction that reads first and writes later fails with BUSY_SNAPSHOT, busy
      // timeout or not.
      begin: db.prepare('BEGIN IMMEDIATE'),
      commit: db.prepare('COMMIT'),
      save: db.prepare('SAVEPOINT draft'),
      undo: db.prepare('ROLLBACK TO draft'),
      keep: db.prepare('RELEASE draft'),
    };
  }

  /**
   * Writes the admitted drafts of a batch in one transaction and returns once it is durable. A
   * draft that is refused, or that alone can't be written, leaves the others alone.
   * @throws LedgerError when nothing of the batch was written.
   */
  appendBatch(batch: readonly EncodedDraft[]): readonly (AppendResult | LedgerError)[] {
    try {
      this.control.begin.run();
      const answers = this.appendAll(batch);
      this.control.commit.run();
      if (!this.isDurabilityProven) {
        assertDurable(this.db, this.file);
        this.isDurabilityProven = true;
      }
      return answers;
    } catch (error) {
      // Some errors (disk full, I/O) have rolled back already.
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      throw asLedgerError(error, this.file);
    }
  }

  private appendAll(batch: readonly EncodedDraft[]): (AppendResult | LedgerError)[] {
    // Read under the write lock: another process may have appended since the last batch.
    let head = this.head.get() ?? { position: 0, hash: GENESIS_HASH };
    return batch.map((draft) => {
      const written = this.appendInSavepoint(draft, head);
      if (written instanceof LedgerError) return written;
      head = written.head;
      return written.answer;
    });
  }

  private appendInSavepoint(draft: EncodedDraft, head: ChainHead): Written | LedgerError {
    this.control.save.run();
    try {
      const written = this.appendOne(draft, head);
      this.control.keep.run();
      return written;
    } catch (error) {
      if (!this.db.inTransaction || !concernsOneDraft(error)) throw error;
      this.control.undo.run();
      this.control.keep.run();
      return asLedgerError(error, this.file) as LedgerError;
    }
  }

  private appendOne(draft: EncodedDraft, head: ChainHead): Written {
    const refused = refusal(draft, this.view);
    if (refused !== undefined) return { answer: refused, head };
    const { commit, events } = seal(draft, head, this.view);
    this.insertCommit.run(commit);
    for (const event of events) this.insertEvent.run(event);
    return { answer: { kind: 'appended', commit: decodeCommit(commit, events) }, head: commit };
  }
}

/**
 * A constraint the draft breaks, or a stored commit that can't be decoded; anything else is trouble
 * of the whole file.
 */
function concernsOneDraft(error: unknown): boolean {
  if (error instanceof LedgerError) return error.code === 'corrupt';
  return /^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)/.test(sqliteCode(error) ?? '');
}
