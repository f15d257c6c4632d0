import type { Digests, Ledger, RecordedDigest } from '@steward/ledger';
import { combineDigests, Machine, MACHINE_VERSION, MACHINE_VERSIONS } from '@steward/machine';
import { machineCommit } from './machine-commit';

export interface Divergence {
  readonly position: number;
  readonly expected: string;
  readonly actual: string;
}

/** A digest that an older machine recorded and this one does not compute: behaviour that was changed, no divergence. */
export interface ChangedBehaviour {
  /** Version of the machine that recorded it. */
  readonly version: string;
  /** The first such commit. */
  readonly position: number;
  readonly expected: string;
  readonly actual: string;
  /** What changed from that version to this one, in order; empty where nobody knows that version. */
  readonly why: readonly string[];
}

export interface ReplayResult {
  readonly events: number;
  readonly position: number;
  readonly digest: string;
  /** The same, from the digests the live run recorded; null when it recorded none. */
  readonly recordedDigest: string | null;
  readonly diverged: Divergence | null;
  readonly changed: ChangedBehaviour | null;
}

/**
 * Folds the log from its events alone, up to position `to`, and compares every digest that the live run
 * recorded. Stops at the first of this machine version that differs; what an older version recorded otherwise is changed
 * behaviour.
 * @param progress called with each position done.
 */
export async function replay(
  ledger: Ledger,
  digests: Digests,
  options: { readonly to?: number; readonly progress?: (position: number) => void } = {},
): Promise<ReplayResult> {
  // Digests are compared, findings are not asked for.
  const machine = new Machine({ coherence: false });
  const recorded = new Map<string, string>();
  let events = 0;
  let position = 0;
  let changed: ChangedBehaviour | null = null;
  const until = options.to === undefined ? {} : { until: options.to };
  for await (const commit of ledger.events(until)) {
    const { digest } = machine.apply(machineCommit(commit));
    events += commit.events.length;
    position = commit.position;
    options.progress?.(position);
    const expected = digests.at(position);
    if (expected === undefined) continue; // The tail after a crash has no digests yet.
    recorded.set(commit.host, expected.digest);
    if (expected.digest === digest) continue;
    if (expected.machineVersion !== MACHINE_VERSION) {
      // Digests are chained: after the first all others differ too.
      changed ??= changedBehaviour(expected, digest);
      continue;
    }
    const diverged = { position, expected: expected.digest, actual: digest };
    return result(machine.digest(), diverged);
  }
  return result(machine.digest(), null);

  function result(digest: string, diverged: Divergence | null): ReplayResult {
    const recordedDigest = recorded.size > 0 ? combineDigests(recorded) : null;
    return { events, position, digest, recordedDigest, diverged, changed };
  }
}

function changedBehaviour(
  { position, machineVersion: version, digest: expected }: RecordedDigest,
  actual: string,
): ChangedBehaviour {
  const known = MACHINE_VERSIONS.findIndex((one) => one.version === version);
  const since = known < 0 ? [] : MACHINE_VERSIONS.slice(known + 1);
  return { version, position, expected, actual, why: since.map(({ changed }) => changed) };
}
