import { bytesOf } from '@steward/domain';
import type { Effect, JsonObject, StoredCommit } from '@steward/ledger';
import { EventRefused, Machine } from '@steward/machine';
import type { Finding, MachineEffect, MachineOptions } from '@steward/machine';
import { machineCommit } from '@steward/replay';

/**
 * A host's machine could not follow an event. From then on it is not what the log says, so nothing more is decided
 * for that host; the log itself is sound, and other hosts go on.
 */
export class ProjectionStoppedError extends Error {
  override readonly name = 'ProjectionStoppedError';

  constructor(
    readonly host: string,
    readonly position: number,
    cause: unknown,
  ) {
    super(`the machine of ${host} stopped at ${placeOf(position, cause)}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** A commit with what the machine made of it. */
export interface Folded {
  readonly commit: StoredCommit;
  readonly effects: readonly MachineEffect[];
  /** The effects as they are stored. */
  readonly rows: readonly Effect[];
  readonly digest: string;
  /** The STEs that the commit left in force, of the devices it is about. */
  readonly stes: ReadonlyMap<string, readonly bigint[]>;
  readonly findings: readonly Finding[];
}

/** The machine as it follows the log, host by host. */
export class MachineFold {
  readonly machine: Machine;
  private readonly stops = new Map<string, ProjectionStoppedError>();

  constructor(options: MachineOptions = {}) {
    this.machine = new Machine(options);
  }

  /** Hosts that could not be followed, and why. */
  get stopped(): ReadonlyMap<string, ProjectionStoppedError> {
    return this.stops;
  }

  /**
   * Folds the next commit.
   * @throws ProjectionStoppedError when its host's machine cannot follow, then and ever after.
   */
  fold(commit: StoredCommit): Folded {
    const { host, position } = commit;
    const known = this.stops.get(host);
    if (known !== undefined) throw known;
    try {
      const { effects, digest, findings } = this.machine.apply(machineCommit(commit));
      // Read now: the STE in force is the one this commit leaves, not a later one.
      const stes = this.stesAfter(commit);
      return { commit, effects, rows: effects.map(stored), digest, stes, findings };
    } catch (error) {
      const stop = new ProjectionStoppedError(host, position, error);
      this.stops.set(host, stop);
      throw stop;
    }
  }

  private stesAfter(commit: StoredCommit): Map<string, readonly bigint[]> {
    const stes = new Map<string, readonly bigint[]>();
    for (const { stream } of commit.events) {
      if (!stream.startsWith('device/')) continue;
      const device = stream.slice('device/'.length);
      stes.set(device, this.machine.host(commit.host).physicalSte(device));
    }
    return stes;
  }
}

function stored({ kind, payload, words }: MachineEffect): Effect {
  return { kind, payload: payload as unknown as JsonObject, words: bytesOf(words) };
}

function placeOf(position: number, cause: unknown): string {
  if (!(cause instanceof EventRefused)) return `commit ${position}`;
  return `event ${position}/${cause.index} (${cause.type})`;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
