import { LedgerError } from '@steward/ledger';
import type { Digests } from '@steward/ledger';
import type { Folded } from './machine-fold';
import {
  readModelProjections,
  type ReadModelProjection,
  type ReadModelTables,
} from './read-model-projections';

/** Commits whose rows go to disk in one transaction. A crash before costs only computing them again. */
const BATCH = 256;

/** A projection that could not go on: its rows and its checkpoint are those before `position`. */
export interface ProjectionStop {
  readonly projection: string;
  readonly position: number;
  readonly cause: unknown;
}

/** How far a projection is. */
export interface ProjectionStatus {
  readonly projection: string;
  /** The last commit whose rows are written. */
  readonly position: number;
  /** Commits behind the log. */
  readonly lag: number;
  /** Why it stopped; null while it runs. */
  readonly stopped: string | null;
}

/**
 * Writes the read models: each projection's rows of a batch of commits with its checkpoint in one transaction. One that
 * cannot go on stops, is told of, and leaves the others alone. A host that the machine cannot follow has a checkpoint
 * of its own (`name@host`) until it does.
 */
export class ReadModelWriter {
  private readonly projections: readonly ReadModelProjection[];
  private readonly stops = new Map<string, ProjectionStop>();
  /** What each projection had written when this began. */
  private readonly written: Map<string, number>;
  private buffer: Folded[] = [];

  /** @param onStop told once of every projection that stops. */
  constructor(
    private tables: ReadModelTables,
    digests: Digests,
    private readonly onStop: (stop: ProjectionStop) => void,
  ) {
    this.projections = readModelProjections(() => this.tables, digests);
    this.written = new Map(tables.checkpoints.all());
    const fresh = this.projections.filter(({ name }) => !this.written.has(name));
    const gone = [...this.written.keys()].filter((key) => !this.isKnown(key));
    if (fresh.length + gone.length === 0) return;
    tables.transaction(() => {
      // Rows without a checkpoint are of nobody knows when.
      for (const projection of fresh) projection.clear();
      for (const key of gone) tables.checkpoints.remove(key);
    });
  }

  /** Takes the next commit of a host; its rows may be written later. */
  take(folded: Folded): void {
    for (const projection of this.projections) {
      if (this.isWritten(projection, folded)) this.follow(projection, folded);
    }
    if (this.projections.every((projection) => this.isWritten(projection, folded))) return;
    this.buffer.push(folded);
    if (this.buffer.length >= BATCH) this.flush();
  }

  /** The machine cannot follow a host from this commit on, so neither can what is computed from it. */
  stopHost(host: string, position: number): void {
    this.flush();
    this.tables.transaction(() => {
      for (const { name } of this.projections) {
        // One that has stopped itself is not even that far.
        if (!this.stops.has(name)) this.tables.checkpoints.set(keyOf(name, host), position - 1);
      }
    });
  }

  /** Writes what was taken. When the disk refuses, all projections stop: nothing is written that is not complete. */
  flush(): void {
    const batch = this.buffer;
    this.buffer = [];
    const last = batch.at(-1);
    if (last === undefined) return;
    try {
      this.tables.transaction(() => {
        for (const projection of this.projections) this.write(projection, batch);
      });
    } catch (cause) {
      const position = batch[0]?.commit.position ?? 0;
      for (const { name } of this.projections) this.stop({ projection: name, position, cause });
    }
  }

  /** Everything up to `latest` was taken: hosts that were behind no longer are, but for those that the machine cannot follow. */
  caughtUp(latest: number, stoppedHosts: ReadonlyMap<string, unknown>): void {
    this.flush();
    const { checkpoints } = this.tables;
    const short = this.projections.filter(
      ({ name }) => !this.stops.has(name) && checkpoints.get(name) < latest,
    );
    if (short.length > 0) {
      this.tables.transaction(() => short.forEach(({ name }) => checkpoints.set(name, latest)));
    }
    const level = this.projections
      .filter(({ name }) => !this.stops.has(name))
      .flatMap(({ name }) => [...this.written.keys()].filter((key) => key.startsWith(`${name}@`)))
      .filter((key) => !stoppedHosts.has(key.slice(key.indexOf('@') + 1)));
    if (level.length === 0) return;
    this.tables.transaction(() => level.forEach((key) => this.tables.checkpoints.remove(key)));
    for (const key of level) this.written.delete(key);
  }

  /** How far each projection is behind `latest`. */
  status(latest: number): readonly ProjectionStatus[] {
    const positions = this.tables.checkpoints.all();
    return this.projections.map(({ name }) => {
      const position = positions.get(name) ?? 0;
      const stop = this.stops.get(name);
      const stopped = stop === undefined ? null : sentenceOf(stop);
      return { projection: name, position, lag: latest - position, stopped };
    });
  }

  /** The same rows are in other tables from now on. */
  moveTo(tables: ReadModelTables): void {
    this.tables = tables;
  }

  private write(projection: ReadModelProjection, batch: readonly Folded[]): void {
    const { name } = projection;
    if (this.stops.has(name)) return;
    let reached: number | undefined;
    for (const folded of batch) {
      if (this.isWritten(projection, folded)) continue;
      try {
        this.tables.transaction(() => projection.write(folded));
      } catch (cause) {
        if (isTroubleOfTheDisk(cause)) throw cause;
        this.stop({ projection: name, position: folded.commit.position, cause });
        break;
      }
      reached = folded.commit.position;
      this.catchUpHost(name, folded.commit);
    }
    const before = this.tables.checkpoints.get(name);
    if (reached !== undefined && reached > before) this.tables.checkpoints.set(name, reached);
  }

  /** Moves the checkpoint of a host that was behind; once it is level with the others it needs none. */
  private catchUpHost(name: string, { host, position }: Folded['commit']): void {
    const key = keyOf(name, host);
    if (!this.written.has(key)) return;
    if (position < (this.written.get(name) ?? 0)) this.tables.checkpoints.set(key, position);
    else this.tables.checkpoints.remove(key);
  }

  private isKnown(key: string): boolean {
    return this.projections.some(({ name }) => key === name || key.startsWith(`${name}@`));
  }

  private follow(projection: ReadModelProjection, folded: Folded): void {
    if (this.stops.has(projection.name)) return;
    try {
      projection.recall(folded);
    } catch (cause) {
      this.stop({ projection: projection.name, position: folded.commit.position, cause });
    }
  }

  private isWritten({ name }: ReadModelProjection, { commit }: Folded): boolean {
    const ofHost = this.written.get(keyOf(name, commit.host));
    return commit.position <= (ofHost ?? this.written.get(name) ?? 0);
  }

  private stop(stop: ProjectionStop): void {
    if (this.stops.has(stop.projection)) return;
    this.stops.set(stop.projection, stop);
    this.onStop(stop);
  }
}

/** What a person is told of a stop. */
export function sentenceOf({ projection, position, cause }: ProjectionStop): string {
  const why = cause instanceof Error ? cause.message : String(cause);
  return `${projection} stopped at commit ${position}: ${why}`;
}

function keyOf(projection: string, host: string): string {
  return `${projection}@${host}`;
}

function isTroubleOfTheDisk(error: unknown): boolean {
  return error instanceof LedgerError && ['busy', 'io', 'not-durable'].includes(error.code);
}
