import type { Digests, Ledger } from '@steward/ledger';
import { combineDigests, Machine, MACHINE_VERSION } from '@steward/machine';
import { machineCommit } from './machine-commit';

export interface Divergence {
  readonly position: number;
  readonly expected: string;
  readonly actual: string;
}

export interface ReplayResult {
  readonly events: number;
  readonly position: number;
  readonly digest: string;
  /** The same, from the digests the live run recorded; null when it recorded none. */
  readonly recordedDigest: string | null;
  readonly diverged: Divergence | null;
}

/**
 * Folds the log from its events alone, up to position `to`, and compares every digest that the live run
 * recorded under this machine version. Stops at the first that differs.
 * @param progress called with each position done.
 */
export async function replay(
  ledger: Ledger,
  digests: Digests,
  options: { readonly to?: number; readonly progress?: (position: number) => void } = {},
): Promise<ReplayResult> {
  const machine = new Machine();
  const recorded = new Map<string, string>();
  let events = 0;
  let position = 0;
  const until = options.to === undefined ? {} : { until: options.to };
  for await (const commit of ledger.commits(until)) {
    const { digest } = machine.apply(machineCommit(commit));
    events += commit.events.length;
    position = commit.position;
    options.progress?.(position);
    const expected = digests.at(position);
    if (expected === undefined) continue; // The tail after a crash has no digests yet.
    recorded.set(commit.host, expected.digest);
    if (expected.machineVersion !== MACHINE_VERSION || expected.digest === digest) continue;
    const diverged = { position, expected: expected.digest, actual: digest };
    return result(machine.digest(), diverged);
  }
  return result(machine.digest(), null);

  function result(digest: string, diverged: Divergence | null): ReplayResult {
    const recordedDigest = recorded.size > 0 ? combineDigests(recorded) : null;
    return { events, position, digest, recordedDigest, diverged };
  }
}
