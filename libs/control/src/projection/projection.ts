import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { AttachmentSpans } from '@steward/audit';
import { bytesOf } from '@steward/domain';
import type { Effect, JsonObject, Ledger, ReadModels, StoredCommit } from '@steward/ledger';
import { Machine, MACHINE_VERSION } from '@steward/machine';
import type { Applied, Finding, MachineEffect } from '@steward/machine';
import { machineCommit } from '@steward/replay';
import { Subject } from 'rxjs';
import { LEDGER, READ_MODELS } from '../ports';

/** Commits whose rows go to disk in one transaction. A crash before costs only computing them again. */
const BATCH = 256;
const CHECKPOINT = 'machine';

/**
 * The machine could not follow a commit. From then on it is not what the log says, so nothing more is
 * decided or applied; the log itself is sound.
 */
export class ProjectionStoppedError extends Error {
  override readonly name = 'ProjectionStoppedError';

  constructor(position: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`the machine stopped at commit ${position}: ${why}`, { cause });
  }
}

export interface AppliedCommit {
  readonly commit: StoredCommit;
  readonly effects: readonly MachineEffect[];
  /** What the coherence checker has to say of it. */
  readonly findings: readonly Finding[];
}

/** Drives the machine with what the ledger holds, and keeps the read models in step. */
@Injectable()
export class Projection implements OnModuleDestroy {
  readonly machine = new Machine();
  /** Every commit as it is applied, for reports and live feeds. */
  readonly applied$ = new Subject<AppliedCommit>();
  private readonly spans: AttachmentSpans;
  private rows: (() => void)[] = [];
  private applied = 0;
  private stopped: ProjectionStoppedError | undefined;

  constructor(
    @Inject(LEDGER) private readonly ledger: Ledger,
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
  ) {
    this.spans = new AttachmentSpans(readModels);
  }

  /** The last commit that was applied. */
  get position(): number {
    return this.applied;
  }

  /** @throws ProjectionStoppedError once the machine could not follow a commit. */
  assertRunning(): void {
    if (this.stopped !== undefined) throw this.stopped;
  }

  /**
   * Applies the next commit; returns what the machine did.
   * @throws ProjectionStoppedError when the machine cannot follow it, then and ever after.
   */
  apply(commit: StoredCommit): readonly MachineEffect[] {
    const { effects, digest, findings } = this.fold(commit);
    // Read now: the STE in force is the one this commit leaves, not a later one.
    const stes = this.stesAfter(commit);
    this.rows.push(() => this.writeRows(commit, effects, { digest, stes }));
    this.applied = commit.position;
    if (this.rows.length >= BATCH) this.flush();
    this.applied$.next({ commit, effects, findings });
    return effects;
  }

  /** Folds everything the ledger holds; rows that a crash or a deletion lost are written again. */
  async catchUp(
    visit: (commit: StoredCommit, effects: readonly MachineEffect[]) => void = () => undefined,
  ): Promise<void> {
    const written = this.readModels.checkpoints.get(CHECKPOINT);
    for await (const commit of this.ledger.commits({ after: this.applied })) {
      if (commit.position > written) {
        visit(commit, this.apply(commit));
        continue;
      }
      const { effects } = this.fold(commit);
      const stes = this.stesAfter(commit);
      this.spans.recall(commit, (device) => stes.get(device) ?? []);
      this.applied = commit.position;
      visit(commit, effects);
    }
    this.flush();
  }

  /** Writes what is buffered, with its checkpoint, in one transaction. */
  flush(): void {
    if (this.rows.length === 0) return;
    const rows = this.rows;
    this.rows = [];
    this.readModels.transaction(() => {
      for (const write of rows) write();
      this.readModels.checkpoints.set(CHECKPOINT, this.applied);
    });
  }

  onModuleDestroy(): void {
    this.flush();
  }

  private fold(commit: StoredCommit): Applied {
    this.assertRunning();
    try {
      return this.machine.apply(machineCommit(commit));
    } catch (error) {
      this.stopped = new ProjectionStoppedError(commit.position, error);
      throw this.stopped;
    }
  }

  private writeRows(
    commit: StoredCommit,
    effects: readonly MachineEffect[],
    after: { readonly digest: string; readonly stes: ReadonlyMap<string, readonly bigint[]> },
  ): void {
    const { position, host } = commit;
    const rows = effects.map(stored);
    this.readModels.effects.write(position, rows);
    const { digest } = after;
    this.readModels.digests.record({ position, host, machineVersion: MACHINE_VERSION, digest });
    this.spans.project(commit, (device) => after.stes.get(device) ?? [], rows);
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
