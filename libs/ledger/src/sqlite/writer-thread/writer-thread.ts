import { parentPort, workerData } from 'node:worker_threads';
import { LedgerError } from '../../ledger-error';
import { CommitWriter } from '../commit-writer';
import { openConnection } from '../connection';
import type { WriterFailure, WriterReply, WriterRequest, WriterThreadData } from './messages';

/**
 * The thread that owns the one writing connection, so that an fsync blocks nobody else. It answers
 * requests one at a time, in the order in which they came.
 */
const { file, busyTimeoutMs } = workerData as WriterThreadData;
const open = () =>
  openConnection({
    file,
    mode: 'write',
    ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
  });
let writer: CommitWriter | undefined;
let turn: Promise<void> = Promise.resolve();

function failure(error: unknown): WriterFailure {
  // Anything else is a bug: it ends the thread, and with it every append that waits.
  if (!(error instanceof LedgerError)) throw error;
  return { kind: 'failed', code: error.code, message: error.message };
}

async function answer(request: NonNullable<WriterRequest>): Promise<WriterReply> {
  try {
    writer ??= new CommitWriter(open, file);
    return await writer.appendBatch(request);
  } catch (error) {
    return failure(error);
  }
}

parentPort?.on('message', (request: WriterRequest) => {
  turn = turn.then(async () => {
    if (request !== null) {
      parentPort?.postMessage(await answer(request));
      return;
    }
    writer?.close();
    parentPort?.close();
  });
});
