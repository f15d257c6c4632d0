import type { View, ViewObject } from './state-view';

/** What changed between two objects: members that came, members that went, and the leaves of those that changed. */
export interface Difference {
  readonly added: Readonly<Record<string, View>>;
  /** Member → path inside it (`attached.id`, `devices.nvme0`, `ste.words.0`) → [before, after]; null stands for a leaf that is not there. */
  readonly updated: Readonly<Record<string, Readonly<Record<string, readonly [View, View]>>>>;
  readonly removed: Readonly<Record<string, View>>;
}

/** Compares two objects member by member. */
export function difference(before: ViewObject, after: ViewObject): Difference {
  const added: Record<string, View> = {};
  const removed: Record<string, View> = {};
  const updated: Record<string, Record<string, readonly [View, View]>> = {};
  for (const [key, value] of Object.entries(after)) if (!(key in before)) added[key] = value;
  for (const [key, value] of Object.entries(before)) {
    const now = after[key];
    if (now === undefined) removed[key] = value;
    else {
      const changes: Record<string, readonly [View, View]> = {};
      compare(value, now, '', changes);
      if (Object.keys(changes).length > 0) updated[key] = changes;
    }
  }
  return { added, updated, removed };
}

function compare(
  before: View | undefined,
  after: View | undefined,
  path: string,
  into: Record<string, readonly [View, View]>,
): void {
  const [a, b] = [membersOf(before), membersOf(after)];
  if (a !== undefined && b !== undefined) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compare(a[key], b[key], path === '' ? key : `${path}.${key}`, into);
    }
  } else if (JSON.stringify(before) !== JSON.stringify(after)) {
    into[path] = [before ?? null, after ?? null];
  }
}

/**
 * An object's members; of a list those by which its items are told apart, so that one that goes does not shift the
 * others: names by themselves, ranges by their base, words by their place.
 */
function membersOf(value: View | undefined): Readonly<Record<string, View>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!isList(value)) return value;
  return Object.fromEntries(
    value.map((item, i): [string, View] => {
      if (typeof item === 'string' && !item.startsWith('0x')) return [item, true];
      const base = typeof item === 'object' && item !== null && !isList(item) && item['base'];
      return [typeof base === 'string' ? base : String(i), item];
    }),
  );
}

function isList(value: View): value is readonly View[] {
  return Array.isArray(value);
}
