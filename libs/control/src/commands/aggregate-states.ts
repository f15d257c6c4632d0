import { Inject, Injectable } from '@nestjs/common';
import { DECIDERS, eventOf, parseStream, streamOf } from '@steward/domain';
import type { AggregateKind, Context, Decider, StateOf } from '@steward/domain';
import type { Ledger, StoredCommit, StoredEvent } from '@steward/ledger';
import { LEDGER } from '../ports';

interface Versioned {
  version: number;
  state: StateOf<AggregateKind> | undefined;
}

/** A decision looked at a stream that is not in memory: load it and decide again. */
class NotLoaded extends Error {
  constructor(readonly stream: string) {
    super(stream);
  }
}

/** The states of aggregates, folded from the ledger when first needed and kept current after. */
@Injectable()
export class AggregateStates {
  private readonly loaded = new Map<string, Versioned>();

  constructor(@Inject(LEDGER) private readonly ledger: Ledger) {}

  /**
   * Runs a decision over the states it asks for. Because decisions are pure, one that needs a stream
   * that is not loaded is simply run again. Returns also which version of each stream it saw.
   */
  async deciding<T>(
    decide: (context: Context) => T,
  ): Promise<{ value: T; reads: { stream: string; version: number }[] }> {
    for (;;) {
      const reads = new Map<string, number>();
      try {
        const value = decide({ get: (kind, id) => this.read(kind, id, reads) });
        return { value, reads: [...reads].map(([stream, version]) => ({ stream, version })) };
      } catch (error) {
        if (!(error instanceof NotLoaded)) throw error;
        await this.load(error.stream);
      }
    }
  }

  /** The state of an aggregate that is in memory or in the ledger. */
  async get<K extends AggregateKind>(kind: K, id: string): Promise<StateOf<K> | undefined> {
    return (await this.deciding((context) => context.get(kind, id))).value;
  }

  /** Follows a commit. Streams nobody has looked at stay unloaded. */
  follow(commit: StoredCommit): void {
    for (const event of commit.events) {
      const entry = this.loaded.get(event.stream);
      if (entry !== undefined && event.version === entry.version + 1) evolveBy(entry, event);
    }
  }

  /** Forgets a stream, so that the next decision reads it anew. */
  forget(stream: string): void {
    this.loaded.delete(stream);
  }

  private read<K extends AggregateKind>(
    kind: K,
    id: string,
    reads: Map<string, number>,
  ): StateOf<K> | undefined {
    const stream = streamOf(kind, id);
    const entry = this.loaded.get(stream);
    if (entry === undefined) throw new NotLoaded(stream);
    reads.set(stream, entry.version);
    return entry.state as StateOf<K> | undefined;
  }

  private async load(stream: string): Promise<void> {
    const entry: Versioned = { version: 0, state: undefined };
    for await (const event of this.ledger.stream(stream)) evolveBy(entry, event);
    this.loaded.set(stream, entry);
  }
}

function evolveBy(entry: Versioned, stored: StoredEvent): void {
  const decider = DECIDERS[parseStream(stored.stream).kind] as unknown as Decider<AggregateKind>;
  entry.state = decider.evolve(entry.state, eventOf(stored));
  entry.version = stored.version;
}
