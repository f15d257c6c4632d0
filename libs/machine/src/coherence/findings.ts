import type { DomainEvent } from '@steward/domain';
import type { IdleTag } from '@steward/host';
import type { CachedEntry, CommandWords } from '@steward/smmu';

/** When something happened: an event of the log, by its commit and its place in it. */
export interface Moment {
  readonly position: number;
  readonly index: number;
  readonly event: DomainEvent['type'];
}

/** Whose words the entries were made from. */
export type Owner = { readonly kind: 'host' } | { readonly kind: 'guest'; readonly vm: string };

/** An entry of a window, and the word whose change made it stale. */
export interface StaleEntry {
  readonly entry: CachedEntry;
  readonly pa: number;
  readonly word: 'descriptor' | 'structure';
  readonly why: 'changed' | 'released';
}

/**
 * Cached entries of one SMMU that no longer say what memory says, because of one event: from that
 * event to the one that removed the last of them.
 */
export interface StaleWindow {
  readonly smmu: string;
  readonly owner: Owner;
  readonly opened: Moment;
  /** Entries that were stale, and the first few of them. */
  readonly entries: number;
  readonly examples: readonly StaleEntry[];
  /** Absent: open still. `by` is the command that removed the last entry, if it was one. */
  readonly closed?: Moment & { readonly by?: CommandWords };
  /** Accesses that used one of the entries. */
  readonly uses: number;
  /**
   * Nothing but CDs that lie where stage 2 no longer says they do. Linux leaves those cached: a guest
   * that gives such a page away has no use for the CD any more.
   */
  readonly latent: boolean;
}

/** An access that used a stale entry. */
export interface StaleUse {
  readonly at: Moment;
  readonly smmu: string;
  readonly owner: Owner;
  /** The event that opened the window. */
  readonly opened: Moment;
  readonly entry: StaleEntry;
  readonly device: string;
  readonly iova: bigint;
  readonly write: boolean;
}

/** What a host driver must never leave behind. */
export type Rule =
  /** An event ended with entries cached that its changes made stale. */
  | 'not-invalidated'
  /** An event ended with invalidations that no CMD_SYNC completed (IHI 0070 §4.7.3). */
  | 'not-synced'
  /** Entries were left under a VMID or ASID that nobody uses any more. */
  | 'tag-not-flushed'
  /** A guest invalidated an entry of its own, was told that it is done, and the entry is still cached. */
  | 'not-carried-out';

/** Who broke it. */
export type Culprit = 'host driver' | 'VMM';

export interface Violation {
  readonly rule: Rule;
  readonly by: Culprit;
  readonly at: Moment;
  readonly smmu: string;
  /** `not-invalidated`: the window that stays open; `not-carried-out`: the guest's. */
  readonly window?: StaleWindow;
  /** Entries that should have gone, the first few, and how many there are. */
  readonly left?: { readonly entries: readonly StaleEntry[]; readonly count: number };
  /** `tag-not-flushed`: the tag, and how many entries are left under it. */
  readonly tag?: IdleTag & { readonly entries: number };
  /** `not-synced`: the last invalidation that no CMD_SYNC followed; `not-carried-out`: the guest's. */
  readonly command?: CommandWords;
}

/** What the coherence checker has to say. */
export type Finding =
  /** A guest's window closed, or one of a host driver that was a violation. */
  | { readonly kind: 'window'; readonly window: StaleWindow }
  | { readonly kind: 'use'; readonly use: StaleUse }
  | { readonly kind: 'violation'; readonly violation: Violation };

/** Numbers of a run. */
export interface StaleTotals {
  /** Windows that a host driver left open: violations. */
  readonly hostWindows: number;
  /** Windows that guests opened in their own tables. */
  readonly guestWindows: number;
  /** Accesses that used a stale entry. */
  readonly uses: number;
  /** Guests' windows that are open still. */
  readonly guestWindowsOpen: number;
  /** Windows of nothing but CDs that stage 2 moved away from. */
  readonly latentWindows: number;
  readonly notSynced: number;
  /** Entries that guests invalidated in vain. */
  readonly notCarriedOut: number;
  /** VMIDs and ASIDs that were left without being flushed. */
  readonly tagsNotFlushed: number;
}

/** Rules of coherence that were broken. */
export function brokenRules(totals: StaleTotals): number {
  const { hostWindows, notSynced, notCarriedOut, tagsNotFlushed } = totals;
  return hostWindows + notSynced + notCarriedOut + tagsNotFlushed;
}

/** Totals of several hosts together. */
export function addTotals(all: readonly StaleTotals[]): StaleTotals {
  return all.reduce((a, b) => combined(a, b, (x, y) => x + y), NO_TOTALS);
}

/** What came since `before`; of windows that are open, how many there are after. */
export function subtractTotals(after: StaleTotals, before: StaleTotals): StaleTotals {
  const { guestWindowsOpen } = after;
  return { ...combined(after, before, (x, y) => x - y), guestWindowsOpen };
}

/** Those of a run in which nothing was found. */
export const NO_TOTALS: StaleTotals = {
  hostWindows: 0,
  guestWindows: 0,
  uses: 0,
  guestWindowsOpen: 0,
  latentWindows: 0,
  notSynced: 0,
  notCarriedOut: 0,
  tagsNotFlushed: 0,
};

function combined(
  a: StaleTotals,
  b: StaleTotals,
  of: (a: number, b: number) => number,
): StaleTotals {
  const members = Object.entries(a) as [keyof StaleTotals, number][];
  const values = members.map(([name, value]) => [name, of(value, b[name])] as const);
  return Object.fromEntries(values) as unknown as StaleTotals;
}
