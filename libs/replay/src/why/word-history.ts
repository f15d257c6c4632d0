import { eventOf } from '@steward/domain';
import type { Ledger, CommitEvents } from '@steward/ledger';
import { Machine } from '@steward/machine';

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

/** Host and physical byte address of a word. */
export interface WordPlace {
  readonly host: string;
  readonly pa: number;
  /** Only changes to this value are meant. */
  readonly value?: bigint;
}

/**
 * Folds the log once more and notes who last changed each of some words. Writes of the value that is there already are no
 * change.
 * @param progress called with each position done.
 */
export async function lastChanges(
  ledger: Ledger,
  words: readonly WordPlace[],
  { until, progress }: { readonly until: number; readonly progress?: (position: number) => void },
): Promise<ReadonlyMap<string, WordChange>> {
  const machine = new Machine({ coherence: false });
  const changes = new Map<string, WordChange>();
  const watched = new Set(words.map(wordKey));
  const watchedPas = new Set(words.map(({ pa }) => pa));
  let doing: Pick<WordChange, 'position' | 'idx' | 'event'> = { position: 0, idx: 0, event: '' };
  const listen = (host: string): void => {
    machine.host(host).physicalMemory.observe({
      written: (pa, before, after, byHardware) => {
        if (!watchedPas.has(pa)) return;
        const change = { ...doing, before: wordOf(before), byHardware };
        for (const place of [
          { host, pa },
          { host, pa, value: wordOf(after) },
        ]) {
          const key = wordKey(place);
          if (watched.has(key)) changes.set(key, change);
        }
      },
      released: () => undefined,
    });
  };
  for await (const commit of ledger.events({ until })) {
    for (const { idx, type, event } of eventsOf(commit)) {
      doing = { position: commit.position, idx, event: type };
      machine.apply({ position: commit.position, host: commit.host, events: [event] });
      // The host exists from its first event on, and writes nothing to memory in it.
      if (type === 'HostRegistered') listen(commit.host);
    }
    progress?.(commit.position);
  }
  return changes;
}

function eventsOf({ events }: CommitEvents) {
  return events.map((stored) => ({
    idx: stored.idx,
    type: stored.type,
    event: { stream: stored.stream, event: eventOf(stored) },
  }));
}

export function wordKey({ host, pa, value }: WordPlace): string {
  return value === undefined ? `${host} ${pa}` : `${host} ${pa} ${value}`;
}

function wordOf({ lo, hi }: { readonly lo: number; readonly hi: number }): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
