import type { Transaction } from '../transaction';

/** A transaction that waits for CMD_RESUME or CMD_STALL_TERM. */
export interface StalledTransaction {
  /** The token by which its event record and CMD_RESUME name it, 16 bits. */
  readonly stag: number;
  readonly transaction: Transaction;
}

/** How a stall ends: translated anew, or terminated in one of two ways (IHI 0070 §4.7.1). */
export type StallEnding = 'retry' | 'abort' | 'raz-wi';

/** A stall that is over, and what is to happen to its transaction. */
export interface EndedStall extends StalledTransaction {
  readonly ending: StallEnding;
}

const STAGS = 0x1_0000;

/**
 * The transactions that one SMMU holds (IHI 0070 §3.12.2). A STAG is given out again as soon as it
 * may be: the one freed last first, so that a command that comes too late hits another transaction.
 */
export class StalledTransactions {
  private readonly held = new Map<number, StalledTransaction>();
  /** STAGs of held transactions whose record could not be written. */
  private readonly waiting = new Set<number>();
  private readonly freed: number[] = [];
  private fresh = 0;
  private readonly ended: EndedStall[] = [];

  /** The held transactions, in the order in which they stalled. */
  list(): StalledTransaction[] {
    return [...this.held.values()];
  }

  /** Holds a transaction. @returns its STAG, or undefined when all are in use. */
  hold(transaction: Transaction): number | undefined {
    const stag = this.freed.pop() ?? (this.fresh < STAGS ? this.fresh++ : undefined);
    if (stag !== undefined) this.held.set(stag, { stag, transaction: { ...transaction } });
    return stag;
  }

  /** Notes that the record of a held transaction could not be written. */
  waitForQueue(stag: number): void {
    this.waiting.add(stag);
  }

  /** STAGs of the transactions whose record has not been written, oldest first. */
  unrecorded(): number[] {
    return [...this.waiting];
  }

  /**
   * Ends one stall. Without effect unless the STAG is held by a transaction of that StreamID (IHI
   * 0070 §4.7.1).
   */
  end(streamId: number, stag: number, ending: StallEnding): void {
    const stalled = this.held.get(stag);
    if (stalled?.transaction.streamId === streamId) this.release(stalled, ending);
  }

  /** Translates a held transaction anew. */
  retry(stag: number): void {
    const stalled = this.held.get(stag);
    if (stalled !== undefined) this.release(stalled, 'retry');
  }

  /** Terminates the transactions of a stream, recorded or not, with an abort (IHI 0070 §4.7.2). */
  terminateStream(streamId: number): void {
    for (const stalled of this.list()) {
      if (stalled.transaction.streamId === streamId) this.release(stalled, 'abort');
    }
  }

  /** Terminates every transaction with an abort: translation is disabled (IHI 0070 §6.3.9.6). */
  terminateAll(): void {
    for (const stalled of this.list()) this.release(stalled, 'abort');
  }

  /** The next stall that is over and has not been dealt with, oldest first. */
  takeEnded(): EndedStall | undefined {
    return this.ended.shift();
  }

  private release(stalled: StalledTransaction, ending: StallEnding): void {
    this.held.delete(stalled.stag);
    this.waiting.delete(stalled.stag);
    this.freed.push(stalled.stag);
    this.ended.push({ ...stalled, ending });
  }
}
