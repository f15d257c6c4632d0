import { toHex } from '@steward/domain';
import type {
  Finding,
  Moment,
  Owner,
  StaleEntry,
  StaleUse,
  StaleWindow,
  Violation,
} from '@steward/machine';
import { commandName, hex64 } from '@steward/smmu';
import type { CachedEntry, CommandWords } from '@steward/smmu';

/** When a commit was made: RFC 3339, by its position. */
export type TimeOf = (position: number) => string | undefined;

/** A moment as JSON. */
export interface MomentView extends Moment {
  readonly at: string | null;
}

export interface CommandView {
  readonly name: string;
  readonly words: readonly [string, string];
}

/** A stale window as JSON: a line of `audit stale`. */
export interface WindowView {
  readonly kind: 'window';
  readonly smmu: string;
  readonly owner: 'host' | 'guest';
  readonly vm: string | null;
  readonly opened: MomentView;
  readonly closed: (MomentView & { readonly by: CommandView | null }) | null;
  /** Commits and milliseconds between the two; null while it is open. */
  readonly commits: number | null;
  readonly ms: number | null;
  readonly entries: number;
  readonly uses: number;
  readonly latent: boolean;
  readonly examples: readonly EntryView[];
}

/** A cached entry and the word that made it stale, numbers as `0x…`. */
export type EntryView = Readonly<Record<string, string | number>>;

export interface UseView {
  readonly kind: 'use';
  readonly at: MomentView;
  readonly opened: MomentView;
  readonly smmu: string;
  readonly owner: 'host' | 'guest';
  readonly vm: string | null;
  readonly device: string;
  readonly iova: string;
  readonly write: boolean;
  readonly entry: EntryView;
}

export interface ViolationView {
  readonly kind: 'violation';
  readonly rule: Violation['rule'];
  readonly by: Violation['by'];
  readonly at: MomentView;
  readonly smmu: string;
  /** Entries that should have gone: the first few, and how many there are. */
  readonly left: readonly EntryView[];
  readonly leftCount: number;
  readonly command: CommandView | null;
  readonly tag: { readonly kind: string; readonly id: number; readonly entries: number } | null;
}

export type FindingView = WindowView | UseView | ViolationView;

/** A finding of the coherence checker as JSON. */
export function findingView(finding: Finding, timeOf: TimeOf): FindingView {
  switch (finding.kind) {
    case 'window':
      return windowView(finding.window, timeOf);
    case 'use':
      return useView(finding.use, timeOf);
    case 'violation':
      return violationView(finding.violation, timeOf);
  }
}

export function windowView(window: StaleWindow, timeOf: TimeOf): WindowView {
  const { smmu, entries, uses, latent, closed } = window;
  const opened = momentView(window.opened, timeOf);
  const end = closed && { ...momentView(closed, timeOf), by: commandView(closed.by) };
  const ms = end?.at && opened.at ? Date.parse(end.at) - Date.parse(opened.at) : null;
  return {
    kind: 'window',
    smmu,
    ...ownerView(window.owner),
    opened,
    closed: end ?? null,
    commits: end === undefined ? null : end.position - opened.position,
    ms,
    ...{ entries, uses, latent, examples: window.examples.map(entryView) },
  };
}

function useView(use: StaleUse, timeOf: TimeOf): UseView {
  const { smmu, device, write, iova } = use;
  return {
    kind: 'use',
    at: momentView(use.at, timeOf),
    opened: momentView(use.opened, timeOf),
    smmu,
    ...ownerView(use.owner),
    ...{ device, iova: toHex(iova), write, entry: entryView(use.entry) },
  };
}

function violationView(violation: Violation, timeOf: TimeOf): ViolationView {
  const { rule, by, smmu, left, command, tag } = violation;
  return {
    kind: 'violation',
    ...{ rule, by, at: momentView(violation.at, timeOf), smmu },
    left: (left?.entries ?? []).map(entryView),
    leftCount: left?.count ?? 0,
    command: commandView(command),
    tag: tag === undefined ? null : { kind: tag.kind, id: tag.id, entries: tag.entries },
  };
}

function ownerView(owner: Owner): { owner: 'host' | 'guest'; vm: string | null } {
  return { owner: owner.kind, vm: owner.kind === 'guest' ? owner.vm : null };
}

function momentView({ position, index, event }: Moment, timeOf: TimeOf): MomentView {
  return { position, index, event, at: timeOf(position) ?? null };
}

function commandView(words: CommandWords | undefined): CommandView | null {
  if (words === undefined) return null;
  return { name: `CMD_${commandName(words) ?? '?'}`, words: [hex64(words[0]), hex64(words[1])] };
}

const HEX = new Set(['streamId', 'address', 'output']);

function entryView({ entry, pa, word, why }: StaleEntry): EntryView {
  return { ...cachedEntryView(entry), word, why, pa: toHex(pa) };
}

/** A cached entry as JSON: which cache, its tags and addresses. */
export function cachedEntryView(entry: CachedEntry): EntryView {
  const fields = Object.entries(entry).map(([name, value]: [string, unknown]) =>
    HEX.has(name) ? [name, toHex(value as number | bigint)] : [name, value],
  );
  return Object.fromEntries(fields) as EntryView;
}
