import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { ReadModelsAside } from '@steward/ledger';
import type { Ledger, ReadModels, StoredCommit } from '@steward/ledger';
import type { Finding, Machine, MachineEffect } from '@steward/machine';
import { Subject } from 'rxjs';
import { LEDGER, READ_MODELS } from '../ports';
import { MachineFold, ProjectionStoppedError, type Folded } from './machine-fold';
import { ReadModelWriter, sentenceOf, type ProjectionStatus } from './read-model-writer';
import { refold } from './refold';

export interface AppliedCommit {
  readonly commit: StoredCommit;
  readonly effects: readonly MachineEffect[];
  /** What the coherence checker has to say of it. */
  readonly findings: readonly Finding[];
}

/** Drives the machine with what the ledger holds, and keeps the read models in step. */
@Injectable()
export class Projection implements OnModuleDestroy {
  /** Every commit as it is applied, for reports and live feeds. */
  readonly applied$ = new Subject<AppliedCommit>();
  private readonly fold = new MachineFold();
  private readonly log = new Logger('Projection');
  private writer: ReadModelWriter;
  private applied = 0;
  /** What a rebuild under way has to be told as well. */
  private meanwhile: ((writer: ReadModelWriter) => void)[] | undefined;

  constructor(
    @Inject(LEDGER) private readonly ledger: Ledger,
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
  ) {
    this.writer = this.writerOver(readModels);
  }

  get machine(): Machine {
    return this.fold.machine;
  }

  /** The last commit that was applied. */
  get position(): number {
    return this.applied;
  }

  /** @throws ProjectionStoppedError once the machine could not follow a commit of the host. */
  assertRunning(host: string): void {
    const stop = this.fold.stopped.get(host);
    if (stop !== undefined) throw stop;
  }

  /** How far each read model is behind the log, and which have stopped. */
  async status(): Promise<readonly ProjectionStatus[]> {
    const latest = await this.ledger.latest();
    const hosts = [...this.fold.stopped.values()].map(({ host, position, message }) => ({
      ...{ projection: `machine@${host}`, position: position - 1, lag: latest - position + 1 },
      stopped: message,
    }));
    return [...this.writer.status(latest), ...hosts];
  }

  /**
   * Applies the next commit; returns what the machine did.
   * @throws ProjectionStoppedError when the machine of its host cannot follow it, then and ever after.
   */
  apply(commit: StoredCommit): readonly MachineEffect[] {
    const folded = this.followed(commit);
    this.tell((writer) => writer.take(folded));
    const { effects, findings } = folded;
    this.applied$.next({ commit, effects, findings });
    return effects;
  }

  /**
   * Folds everything the ledger holds; rows that a crash or a deletion lost are written again. Hosts that the machine
   * cannot follow are told of and left out.
   */
  async catchUp(visit: (applied: AppliedCommit) => void = () => undefined): Promise<void> {
    const latest = await this.ledger.latest();
    for await (const commit of this.ledger.commits({ after: this.applied, until: latest })) {
      if (this.fold.stopped.has(commit.host)) continue;
      try {
        const folded = this.followed(commit);
        this.tell((writer) => writer.take(folded));
        visit({ commit, effects: folded.effects, findings: folded.findings });
      } catch (error) {
        if (!(error instanceof ProjectionStoppedError)) throw error;
      }
    }
    // The last ones may be in an archive.
    this.applied = Math.max(this.applied, latest);
    this.writer.caughtUp(latest, this.fold.stopped);
  }

  /** Writes what is buffered, with its checkpoints, in one transaction. */
  flush(): void {
    this.writer.flush();
  }

  /**
   * Computes the read models anew from the log while the present ones go on serving, then puts them in their place. A
   * projection that had stopped runs again.
   * @param migrations directory of the numbered `.sql` files.
   * @returns the commit up to which they were built.
   */
  async rebuild(
    { file, migrations }: { readonly file: string; readonly migrations: string },
    progress: (position: number) => void = () => undefined,
  ): Promise<number> {
    const aside = ReadModelsAside.create(file, migrations);
    const since: ((writer: ReadModelWriter) => void)[] = [];
    this.meanwhile = since;
    try {
      const writer = this.writerOver(aside);
      await refold(this.ledger, writer, { until: this.applied, progress });
      // From here on nothing waits, so no commit comes between the last row and the switch.
      for (const tell of since) tell(writer);
      writer.flush();
      this.flush();
      this.readModels.replaceBy(aside);
      writer.moveTo(this.readModels);
      this.writer = writer;
      return this.applied;
    } finally {
      this.meanwhile = undefined;
      aside.discard();
    }
  }

  onModuleDestroy(): void {
    this.flush();
  }

  private tell(what: (writer: ReadModelWriter) => void): void {
    what(this.writer);
    this.meanwhile?.push(what);
  }

  private followed(commit: StoredCommit): Folded {
    const { host, position } = commit;
    const isFirst = !this.fold.stopped.has(host);
    try {
      return this.fold.fold(commit);
    } catch (error) {
      if (isFirst && error instanceof ProjectionStoppedError) {
        this.log.error(error.message);
        this.tell((writer) => writer.stopHost(host, position));
      }
      throw error;
    } finally {
      this.applied = position;
    }
  }

  private writerOver(tables: ReadModels | ReadModelsAside): ReadModelWriter {
    return new ReadModelWriter(tables, this.readModels.digests, (stop) =>
      this.log.error(sentenceOf(stop)),
    );
  }
}
