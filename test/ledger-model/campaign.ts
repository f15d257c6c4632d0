import type { Campaign, CampaignReport } from '../campaign/campaign';
import { ModelRun } from './model-run';

/** Operations on one ledger before the next seed makes another. */
const PER_LEDGER = 500;
const SHOWN = 10;

export interface ModelFailure {
  readonly seed: number;
  readonly error: string;
}

/** Runs `operations` random operations against the model, on ledgers of the seeds from `seed` on. */
export async function compareWithModel(
  seed: number,
  operations: number,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<CampaignReport & { failures: ModelFailure[]; counts: Record<string, number> }> {
  const failures: ModelFailure[] = [];
  const counts = new Map<string, number>();
  for (let done = 0, next = seed; done < operations; done += PER_LEDGER, next++) {
    try {
      const run = await ModelRun.play(next, Math.min(PER_LEDGER, operations - done));
      for (const [name, count] of run.counts) counts.set(name, (counts.get(name) ?? 0) + count);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failures.push({ seed: next, error: text });
    }
    progress(Math.min(done + PER_LEDGER, operations), operations);
  }
  return {
    ...{ ok: failures.length === 0, seed, operations, failed: failures.length },
    failures: failures.slice(0, SHOWN),
    counts: Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b))),
  };
}

/** A failure repeats with `--seed ITS-SEED --cases 500`. */
export const LEDGER_MODEL: Campaign = {
  name: 'ledger.model',
  about: '100,000 random operations, crashes among them, on a ledger and a plain model of it',
  run: (progress, { seed = 1, cases = 100_000 }) => compareWithModel(seed, cases, progress),
};
