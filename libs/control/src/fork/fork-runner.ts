import { Inject, Injectable } from '@nestjs/common';
import { bytesOf } from '@steward/domain';
import type { JsonObject, Ledger, ReadModels } from '@steward/ledger';
import type { Finding } from '@steward/machine';
import {
  Comparison,
  copyDecided,
  copyKept,
  findingsAfter,
  ForkRefusedError,
  forkSteps,
  parting,
  switchingSteps,
} from '@steward/replay';
import type { Edits, ForkStep, LoggedHistory, Recorded } from '@steward/replay';
import { HostLanes } from '../commands/host-lanes';
import { LEDGER, READ_MODELS } from '../ports';
import type { Clock } from '../ports';
import { Projection } from '../projection/projection';
import type { AppliedCommit } from '../projection/projection';

/** A clock that shows given times: a fork is decided at those of the history it comes from. */
export class HeldClock {
  private times: readonly string[] = [];
  private next = 0;

  /** The next of the times; the last one when all have been shown. */
  readonly read: Clock = () => {
    const at = Math.min(this.next++, this.times.length - 1);
    return this.times[at] ?? '1970-01-01T00:00:00.000Z';
  };

  show(times: readonly string[]): void {
    this.times = times;
    this.next = 0;
  }
}

/** The history that a fork comes from. */
export interface Original extends LoggedHistory {
  /** What the machine did about a commit, as recorded. */
  readonly effectsOf: (position: number) => Recorded['effects'];
}

/** What a fork is asked for. */
export interface AskedFork {
  /** The last commit to keep. */
  readonly at: number;
  readonly edits: Edits;
  /** The clock this application reads. */
  readonly clock: HeldClock;
  /** What a run of the same fork has written that was interrupted: it is gone on with. */
  readonly interrupted?: Ledger;
}

export interface ForkResult {
  /** Commits that both histories share, hashes and all. */
  readonly kept: number;
  /** The last commit of each. */
  readonly positions: { readonly original: number; readonly fork: number };
  readonly comparison: Comparison;
  /** Digest of the fork's machine at its end. */
  readonly digest: string;
}

/** Runs another history in the ledger of this application, which must be empty, and compares it with the original. */
@Injectable()
export class ForkRunner {
  constructor(
    @Inject(LEDGER) private readonly ledger: Ledger,
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
    private readonly lanes: HostLanes,
    private readonly projection: Projection,
  ) {}

  /** @throws ForkRefusedError when the edits ask for what this history does not allow. */
  async run(
    original: Original,
    { at, edits, clock, interrupted }: AskedFork,
    progress: (done: number, total: number) => void = () => undefined,
  ): Promise<ForkResult> {
    const [gone] = await original.ledger.archives();
    if (gone !== undefined) {
      const where = `what ${gone.host} did is in the archive ${gone.file}`;
      throw new ForkRefusedError(`${where}; a fork begins with all of the log: restore that first`);
    }
    const parted = await parting(original.ledger, at);
    const inventory = await copyKept(original.ledger, this.ledger, parted.kept);
    const last = parted.kept === 0 ? undefined : await original.ledger.commit(parted.kept);
    const partedAt = last?.at ?? clock.read();
    clock.show([partedAt]);
    const done = await this.begin(interrupted, parted.kept);
    const findings = await findingsAfter(original, parted.kept);
    const comparison = new Comparison();
    try {
      for (const step of switchingSteps(edits.changes, inventory, partedAt)) {
        comparison.add(step, [], await this.mustAccept(step, done));
      }
      let n = 0;
      for await (const step of forkSteps(original.ledger, parted, edits)) {
        const family = parted.families.get(step.origin ?? -1) ?? [];
        const before = await recordedOf(original, family, findings);
        clock.show([step.at, ...before.slice(1).map(({ commit }) => commit.at)]);
        const after = step.edit === 'removed' ? [] : await this.decide(step, done);
        comparison.add(step, before, after);
        progress(++n, parted.families.size);
      }
    } finally {
      done.stop();
      this.projection.flush();
    }
    const positions = {
      original: await original.ledger.latest(),
      fork: await this.ledger.latest(),
    };
    const digest = this.projection.machine.digest();
    return { kept: parted.kept, positions, comparison, digest };
  }

  /** Goes on from where an interrupted run was; from the kept commits on where there was none. */
  private async begin(interrupted: Ledger | undefined, kept: number): Promise<Done> {
    const decided = interrupted && (await copyDecided(interrupted, this.ledger, kept));
    const found = new Map<number, readonly Finding[]>();
    await this.lanes.open(({ commit, findings }) => {
      if (findings.length > 0 && commit.position > kept) found.set(commit.position, findings);
    });
    const fork = {
      ledger: this.ledger,
      effectsOf: (position: number) => this.readModels.effects.read(position),
    };
    return {
      ...this.recording(),
      before: async ({ commandId }) => {
        const family = decided?.get(commandId);
        return family && recordedOf(fork, family, found);
      },
    };
  }

  private async decide(step: ForkStep, done: Done): Promise<Recorded[]> {
    const before = await done.before(step);
    if (before !== undefined) return before;
    const { host, actor, commandId, correlationId, command } = step;
    const request = { host, actor, commandId, ...(correlationId && { correlationId }) };
    await this.lanes.execute(command, request);
    return done.take();
  }

  private async mustAccept(step: ForkStep, done: Done): Promise<Recorded[]> {
    const recorded = await this.decide(step, done);
    const outcome = recorded[0]?.commit.outcome;
    if (outcome === undefined || outcome.ok) return recorded;
    const { errno, reason } = outcome;
    throw new ForkRefusedError(`${errno}: ${reason}; fork before that`);
  }

  private recording(): Recording {
    let taken: Recorded[] = [];
    const subscription = this.projection.applied$.subscribe((applied) => {
      taken.push(recordedBy(applied));
    });
    return {
      take: () => {
        const all = taken;
        taken = [];
        return all;
      },
      stop: () => subscription.unsubscribe(),
    };
  }
}

interface Recording {
  /** What was applied since the last call. */
  take(): Recorded[];
  stop(): void;
}

interface Done extends Recording {
  /** What the interrupted run did about a step; undefined for one that it did not come to. */
  before(step: ForkStep): Promise<Recorded[] | undefined>;
}

function recordedBy({ commit, effects, findings }: AppliedCommit): Recorded {
  const stored = effects.map(({ kind, payload, words }) => ({
    kind,
    payload: payload as unknown as JsonObject,
    words: bytesOf(words),
  }));
  return { commit, effects: stored, findings };
}

async function recordedOf(
  original: Pick<Original, 'ledger' | 'effectsOf'>,
  positions: readonly number[],
  findings: ReadonlyMap<number, readonly Finding[]>,
): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (const position of positions) {
    const commit = await original.ledger.commit(position);
    if (commit === undefined) continue;
    const effects = original.effectsOf(position);
    recorded.push({ commit, effects, findings: findings.get(position) ?? [] });
  }
  return recorded;
}
