import { parentPort, workerData } from 'node:worker_threads';
import { SnapshotStore, SqliteLedger } from '@steward/ledger';
import type { SnapshotThreadData } from './background-snapshots';
import { SnapshotTaker } from './snapshot-taker';

/** The thread that takes snapshots: it follows the ledger on its own, so that nobody waits for it. */
const { file, migrations, pace } = workerData as SnapshotThreadData;

async function follow(): Promise<void> {
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'read' });
  const store = SnapshotStore.open(file);
  const taker = new SnapshotTaker(ledger, store, pace);
  let turn = taker.advance();
  parentPort?.on('message', (message: 'more' | 'end') => {
    turn = turn.then(async (reached) => {
      if (message === 'more') return taker.advance();
      store.close();
      await ledger.close();
      parentPort?.close();
      return reached;
    });
  });
}

void follow();
