import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SNAPSHOT_PACE, type SnapshotPace } from './snapshot-taker';

/** What the thread is started with. */
export interface SnapshotThreadData {
  readonly file: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  readonly pace?: SnapshotPace;
}

const ENTRY = join(__dirname, `snapshot-thread${extname(__filename)}`);
// Run from the sources, as tests do, the thread has to compile them as it loads them.
const EXEC_ARGV =
  extname(ENTRY) === '.ts'
    ? ['--require', join(__dirname, '../../../../scripts/compile-on-load.cjs')]
    : [];

/**
 * Has snapshots of a ledger's hosts taken while others write it. The thread begins when there is enough for a first
 * snapshot. A failure ends it and is told, and costs nothing but time later.
 */
export class BackgroundSnapshots {
  private worker: Worker | undefined;
  private events = 0;
  private hasFailed = false;

  /** @param onFailure told when no more snapshots are taken, and why. */
  constructor(
    private readonly data: SnapshotThreadData,
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** To be told of commits that are durable: how many events they have. */
  committed(events: number): void {
    this.events += events;
    if (this.events < (this.data.pace ?? SNAPSHOT_PACE).events || this.hasFailed) return;
    this.events = 0;
    if (this.worker === undefined) this.worker = this.start();
    else this.worker.postMessage('more');
  }

  /** Lets the snapshot at hand be finished, and ends. */
  async close(): Promise<void> {
    const { worker } = this;
    if (worker === undefined || this.hasFailed) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('end');
    await ended;
  }

  private start(): Worker {
    const worker = new Worker(ENTRY, { workerData: this.data, execArgv: EXEC_ARGV });
    worker.unref();
    worker.on('error', (error) => {
      this.hasFailed = true;
      this.onFailure(error);
    });
    return worker;
  }
}
