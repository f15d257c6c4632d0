import type { CommitEvents, Ledger, StoredEvent } from '@steward/ledger';
import { HostHistory, type Wanted } from '../snapshots/host-history';
import type { LoggedHistory } from '../snapshots/snapshots';
import type { Progress } from '../time-travel/histories';

/** The last change of a word of memory up to a position. */
export interface WordChange {
  readonly position: number;
  /** Which event of the commit, and its type. */
  readonly idx: number;
  readonly event: string;
  readonly before: bigint;
  /** The SMMU itself updated the Access flag or the dirty state of a descriptor. */
  readonly byHardware: boolean;
}

/** Physical byte address of a word. */
export interface WordPlace {
  readonly pa: number;
  /** Only changes to this value are meant. */
  readonly value?: bigint;
}

/** Memory alone. */
const MACHINE: Wanted = { machine: true, selects: () => false };

/** Commits looked through first, and how many times as many each time after that. */
const SPAN = { first: 512, growth: 4 };

/**
 * Who last changed each of some words of a host's memory. Writes of the value that is there already are no change. What was
 * changed lately is found soon: the log is folded from the snapshot before its last commits on, then from an earlier
 * one up to that, and so on while a word is left.
 * @param progress called with as many positions as are done.
 */
export async function lastChanges(
  { ledger, snapshots }: LoggedHistory,
  { host, words }: { readonly host: string; readonly words: readonly WordPlace[] },
  { until, progress }: { readonly until: number; readonly progress?: Progress },
): Promise<ReadonlyMap<string, WordChange>> {
  const changes = new Map<string, WordChange>();
  const sought = new Set(words.map(wordKey));
  const only = (await isAlone(ledger)) ? {} : { host };
  let end = until;
  for (let span = SPAN.first; end > 0 && sought.size > 0; span *= SPAN.growth) {
    const start = { position: Math.max(0, end - span), wanted: MACHINE };
    const history =
      (await snapshots?.nearest(ledger, host, start)) ?? new HostHistory(host, MACHINE);
    const begin = history.position;
    const watched = new WatchedWords(history, sought);
    for await (const commit of ledger.events({ ...only, after: begin, until: end })) {
      // One event at a time: it is told which of a commit's events changed a word.
      for (const event of commit.events) watched.apply(commit, event);
      progress?.(until - end + commit.position - begin);
    }
    for (const [key, change] of watched.changes) {
      changes.set(key, change);
      sought.delete(key);
    }
    end = begin;
  }
  return changes;
}

/** Whether all commits are one host's: they are read faster than picked out. */
async function isAlone(ledger: Ledger): Promise<boolean> {
  let hosts = 0;
  for await (const _ of ledger.hosts()) if (++hosts > 1) return false;
  return true;
}

/** A history that goes on, and what changes words in it. */
class WatchedWords {
  /** The last change of each, by wordKey. */
  readonly changes = new Map<string, WordChange>();
  private readonly addresses: ReadonlySet<number>;
  private doing: Pick<WordChange, 'position' | 'idx' | 'event'> = {
    position: 0,
    idx: 0,
    event: '',
  };
  private isListening = false;

  constructor(
    private readonly history: HostHistory,
    private readonly words: ReadonlySet<string>,
  ) {
    this.addresses = new Set([...words].map(addressOf));
    this.listen();
  }

  apply(commit: CommitEvents, event: StoredEvent): void {
    this.doing = { position: commit.position, idx: event.idx, event: event.type };
    this.history.apply({ ...commit, events: [event] });
    // The host exists from its first event on, and writes nothing to memory in it.
    this.listen();
  }

  private listen(): void {
    const memory = this.history.hostMachine?.physicalMemory;
    if (this.isListening || memory === undefined) return;
    this.isListening = true;
    memory.observe({
      written: (pa, before, after, byHardware) => {
        if (!this.addresses.has(pa)) return;
        const change = { ...this.doing, before: wordOf(before), byHardware };
        for (const key of [wordKey({ pa }), wordKey({ pa, value: wordOf(after) })]) {
          if (this.words.has(key)) this.changes.set(key, change);
        }
      },
      released: () => undefined,
    });
  }
}

/** A word, and the value meant, as a key. */
export function wordKey({ pa, value }: WordPlace): string {
  return value === undefined ? String(pa) : `${pa} ${value}`;
}

function addressOf(key: string): number {
  return Number(key.split(' ', 1)[0]);
}

function wordOf({ lo, hi }: { readonly lo: number; readonly hi: number }): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
