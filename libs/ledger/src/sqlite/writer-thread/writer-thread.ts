import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LedgerError } from '../../ledger-error';
import { BATCH_LIMIT } from '../../limits';
import { CommitWriter } from '../commit-writer';
import { openConnection } from '../connection';
import type { PackedBatch } from '../packed-batch';
import { WalFolding } from './wal-folding';
import {
  packReceipts,
  type WriterReply,
  type WriterRequest,
  type WriterThreadStart,
} from './messages';

/**
 * The thread that owns the one writing connection, so that an fsync blocks nobody else. It answers
 * requests in the order in which they came; all that have come when it is ready for the next
 * transaction share that.
 */
const { bell: memory, file, ...options } = workerData as WriterThreadStart;
const bell = new Int32Array(memory);
const port = parentPort!;
let writer: CommitWriter | undefined;

/** What has come: batches, and whether no more will. */
function received(): { readonly batches: PackedBatch[]; readonly isEnd: boolean } {
  const batches: PackedBatch[] = [];
  for (let commits = 0; commits < BATCH_LIMIT;) {
    const next = receiveMessageOnPort(port) as { readonly message: WriterRequest } | undefined;
    if (next === undefined) break;
    if (next.message === null) return { batches, isEnd: true };
    batches.push(next.message);
    commits += next.message.starts.length;
  }
  return { batches, isEnd: false };
}

async function answer(batches: readonly PackedBatch[]): Promise<WriterReply['answer']> {
  try {
    writer ??= new CommitWriter(
      () => openConnection({ ...options, file, mode: 'write' }),
      file,
      new WalFolding({ ...options, file }),
    );
    return packReceipts(await writer.append(batches));
  } catch (error) {
    // Anything else is a bug: it ends the thread, and with it every append that waits.
    if (!(error instanceof LedgerError)) throw error;
    return { kind: 'failed', code: error.code, message: error.message };
  }
}

async function serve(): Promise<void> {
  for (;;) {
    // Looked at before the requests are: one that comes in between rings, and is not slept through.
    const rung = Atomics.load(bell, 0);
    const { batches, isEnd } = received();
    if (batches.length > 0) {
      const bytes = batches.map((batch) => batch.bytes);
      const length = bytes.reduce((sum, each) => sum + each.length, 0);
      const reply: WriterReply = { requests: bytes.length, answer: await answer(batches), bytes };
      port.postMessage(
        reply,
        bytes.map(({ buffer }) => buffer),
      );
      writer?.fold(length);
    } else if (!isEnd) {
      // Without the event loop, which takes longer to wake up.
      Atomics.wait(bell, 0, rung);
    }
    if (isEnd) break;
  }
  await writer?.close();
}

void serve();
