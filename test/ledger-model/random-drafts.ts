import type { CommitDraft, NewEvent } from '@steward/ledger';
import type { ModelLog } from './model-log';

/** A whole number from 0 on, below the one given. */
export type Random = (below: number) => number;

export const HOSTS = ['h0', 'h1', 'h2'] as const;
export const STREAMS = ['a/0', 'a/1', 'a/2', 'b/0', 'b/1', 'c/0'] as const;
const EVENTS_MAX = 4;

export function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/** Makes commands: new ones, ones that come back as they were, and ids that come back with another command. */
export class RandomDrafts {
  private readonly made: CommitDraft[] = [];

  constructor(private readonly random: Random) {}

  /** @param log what a decision could have read. */
  next(log: ModelLog): CommitDraft {
    const draft = this.draft(log);
    this.made.push(draft);
    return draft;
  }

  /** One made before; undefined at first. */
  again(): CommitDraft | undefined {
    const { random } = this;
    if (this.made.length === 0) return undefined;
    const before = pick(this.made, random);
    if (random(4) > 0) return { ...before, at: timeOf(random) };
    return random(2) === 0
      ? { ...before, actor: 'somebody else' }
      : { ...before, command: { ...before.command, more: true } };
  }

  private draft(log: ModelLog): CommitDraft {
    const { random } = this;
    const n = this.made.length;
    const isAccepted = random(8) > 0;
    const events = Array.from({ length: isAccepted ? random(EVENTS_MAX + 1) : 0 }, () =>
      this.event(n),
    );
    const read = STREAMS.filter(() => random(4) === 0);
    return {
      host: pick(HOSTS, random),
      at: timeOf(random),
      actor: pick(['ann', 'bob'], random),
      commandId: `c${n}`,
      command: { type: 'Do', n, list: [1, null, 'x'] },
      outcome: isAccepted
        ? { ok: true, n }
        : { ok: false, errno: 'EBUSY', code: 'busy', reason: 'taken' },
      ...(random(3) === 0 && { correlationId: `trace-${random(5)}` }),
      reads: read.map((stream) => ({ stream, version: this.versionOf(log, stream) })),
      events,
    };
  }

  /** Mostly the right one. */
  private versionOf(log: ModelLog, stream: string): number {
    const { random } = this;
    const version = log.stream(stream).length;
    return random(10) > 0 ? version : Math.max(0, version + random(3) - 1);
  }

  private event(n: number): NewEvent {
    const { random } = this;
    return {
      stream: pick(STREAMS, random),
      type: pick(['Began', 'Ended'], random),
      schema: 1 + random(2),
      payload: { n, word: '0xffffffffffffffff' },
      ...(random(3) === 0 && { words: Buffer.alloc(random(40), random(256)) }),
    };
  }
}

function timeOf(random: Random): string {
  return new Date(Date.UTC(2026, 0, 31) + random(1e9)).toISOString();
}
