import type { Ledger } from '@steward/ledger';
import { MachineFold, ProjectionStoppedError } from './machine-fold';
import type { ReadModelWriter } from './read-model-writer';

/**
 * Folds the log from its first commit up to `until` on a machine of its own, and gives what came of it to a writer.
 * Hosts that the machine cannot follow are left out from there on.
 */
export async function refold(
  ledger: Ledger,
  writer: ReadModelWriter,
  { until, progress }: { readonly until: number; readonly progress: (position: number) => void },
): Promise<void> {
  const fold = new MachineFold({ coherence: false });
  for await (const commit of ledger.commits({ until })) {
    if (fold.stopped.has(commit.host)) continue;
    try {
      writer.take(fold.fold(commit));
    } catch (error) {
      if (!(error instanceof ProjectionStoppedError)) throw error;
      writer.stopHost(error.host, error.position);
    }
    progress(commit.position);
  }
}
