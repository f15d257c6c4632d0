import { conflictOf, isRetry, seal, type ChainHead } from './admission';
import { GENESIS_HASH } from './commit-hash';
import type {
  CommitPage,
  CommitStore,
  EventPage,
  NamePage,
  RawCommit,
  RawEvent,
  RawLog,
} from './commit-store';
import type { EncodedDraft } from './draft-encoding';
import type {
  AppendResult,
  Archive,
  CommitEvents,
  CommitHeader,
  StoredCommit,
  StoredEvent,
} from './port';
import { decodeCommit, decodeEvent, type CommitRow, type EventRow } from './rows';
import { StoreLedger, type StoreLedgerOptions } from './store-ledger';

/** The reference adapter: the same answers as any other, in plain arrays, gone with the process. */
export class MemoryLedger extends StoreLedger {
  constructor(options: Omit<StoreLedgerOptions, 'pollMs'> = {}) {
    super(new MemoryCommitStore(), options);
  }
}

interface SealedCommit {
  readonly commit: CommitRow;
  readonly events: readonly EventRow[];
}

class MemoryCommitStore implements CommitStore {
  /** The commit at position p is at index p - 1. */
  private readonly log: SealedCommit[] = [];
  private readonly positions = new Map<string, number>();
  private readonly streams = new Map<string, EventRow[]>();

  appendBatch(batch: readonly EncodedDraft[]): readonly AppendResult[] {
    return batch.map((draft) => this.appendOne(draft));
  }

  latest(): number {
    return this.log.length;
  }

  commitPage({ after, until, limit, host }: CommitPage): readonly StoredCommit[] {
    const page: StoredCommit[] = [];
    for (let i = Math.max(after, 0); i < Math.min(until, this.log.length); i++) {
      const sealed = this.log[i];
      if (page.length === limit || sealed === undefined) break;
      if (host === undefined || sealed.commit.host === host) page.push(decoded(sealed));
    }
    return page;
  }

  commitEventsPage(page: CommitPage): readonly CommitEvents[] {
    return this.commitPage(page).map(({ position, host, events }) => ({ position, host, events }));
  }

  eventPage({ stream, after, until, limit }: EventPage): readonly StoredEvent[] {
    const events = this.streams.get(stream) ?? [];
    return events
      .slice(Math.max(after, 0), Math.max(after, 0) + limit)
      .filter((event) => event.position <= until)
      .map((event) => decodeEvent(copied(event)));
  }

  headerPage({ after, until, limit }: CommitPage): readonly CommitHeader[] {
    const end = Math.min(until, this.log.length, after + limit);
    return this.log.slice(Math.max(after, 0), Math.max(end, 0)).map(({ commit }) => {
      const { position, host, at, hash } = commit;
      return { position, host, at, hash };
    });
  }

  archives(): readonly Archive[] {
    return [];
  }

  archiveOfHost(): undefined {
    return undefined;
  }

  archiveOfStream(): undefined {
    return undefined;
  }

  hostPage(page: NamePage): readonly string[] {
    return pageOf(new Set(this.log.map(({ commit }) => commit.host)), page);
  }

  streamPage(kind: string, page: NamePage): readonly string[] {
    const names = [...this.streams.keys()].filter((name) => name.startsWith(`${kind}/`));
    return pageOf(names, page);
  }

  rawLog(): RawLog {
    return new MemoryRawLog(this.log);
  }

  close(): void {
    // Nothing is held outside this object.
  }

  private readonly versionOf = (stream: string): number => this.streams.get(stream)?.length ?? 0;

  private appendOne(draft: EncodedDraft): AppendResult {
    const known = this.log[(this.positions.get(draft.commit.commandId) ?? 0) - 1];
    if (known !== undefined) {
      return isRetry(draft.commit, known.commit)
        ? { kind: 'duplicate', commit: decoded(known) }
        : { kind: 'command-id-reused', position: known.commit.position };
    }
    const conflict = conflictOf(draft.reads, this.versionOf);
    if (conflict !== undefined) return conflict;
    const last = this.log.at(-1)?.commit;
    const head: ChainHead = last ?? { position: 0, hash: GENESIS_HASH };
    const sealed = seal(draft, head, this.versionOf);
    this.log.push(sealed);
    this.positions.set(sealed.commit.commandId, sealed.commit.position);
    for (const event of sealed.events) {
      const events = this.streams.get(event.stream);
      if (events === undefined) this.streams.set(event.stream, [event]);
      else events.push(event);
    }
    return { kind: 'appended', commit: decoded(sealed) };
  }
}

class MemoryRawLog implements RawLog {
  constructor(private readonly log: readonly SealedCommit[]) {}

  archives(): readonly [] {
    return [];
  }

  commitCount(): number {
    return this.log.length;
  }

  commits(after: number, limit: number): readonly RawCommit[] {
    return this.log.slice(after, after + limit).map(({ commit }) => ({ row: commit, typed: true }));
  }

  events(after: number, limit: number): readonly RawEvent[] {
    return this.log
      .flatMap((sealed) => sealed.events)
      .map((row, index) => ({ rowid: index + 1, row, typed: true }))
      .slice(after, after + limit);
  }

  misplacedEvent(): undefined {
    return undefined;
  }

  digestAfter(): undefined {
    return undefined;
  }

  structure(): undefined {
    return undefined;
  }
}

function pageOf(names: Iterable<string>, { after, limit }: NamePage): readonly string[] {
  const byCodePoint = (a: string, b: string): number =>
    Buffer.compare(Buffer.from(a), Buffer.from(b));
  return [...names]
    .sort(byCodePoint)
    .filter((name) => byCodePoint(name, after) > 0)
    .slice(0, limit);
}

function decoded(sealed: SealedCommit): StoredCommit {
  const { commit, events } = sealed;
  const commandWords = commit.commandWords && Uint8Array.from(commit.commandWords);
  return decodeCommit({ ...commit, commandWords }, events.map(copied));
}

/** What a reader gets is its own: changing it must not change the log. */
function copied(event: EventRow): EventRow {
  return event.words === null ? event : { ...event, words: Uint8Array.from(event.words) };
}
