/**
 * When a memory entry was written, from what was seen of it and when its invalidation was commanded.
 *
 * The guest writes an entry and then announces it with a CFGI command. So an entry seen at some moment was in memory
 * before the last announcement that precedes the moment; between two announcements it does not change. An
 * announcement with nothing seen before the next one tells nothing, and gets no write.
 */

/** Something seen of an entry at moment `at`. */
export interface Sighting<T> {
  readonly at: number;
  readonly value: T;
}

/** The entry has `value` from before moment `before` on. */
export interface Placement<T> {
  readonly before: number;
  readonly value: T;
  /** False when no announcement separates it from the previous, different value. */
  readonly announced: boolean;
}

/**
 * Places a history of sightings.
 * @param sightings in order of `at`.
 * @param announcements moments of the entry's CFGI commands, ascending.
 * @param same whether two values are the same entry contents.
 */
export function place<T>(
  sightings: readonly Sighting<T>[],
  announcements: readonly number[],
  same: (a: T, b: T) => boolean,
): Placement<T>[] {
  const placements: Placement<T>[] = [];
  let interval = -1;
  let previous: T | undefined;
  for (const { at, value } of sightings) {
    const announcement = lastBefore(announcements, at);
    const opens = announcement > interval;
    interval = Math.max(interval, announcement);
    if (opens) placements.push({ before: announcement, value, announced: true });
    else if (previous === undefined || !same(previous, value)) {
      placements.push({ before: at, value, announced: false });
    }
    previous = value;
  }
  return placements;
}

/** The sightings of each interval between two announcements, in order. */
export function byInterval<T>(
  sightings: readonly Sighting<T>[],
  announcements: readonly number[],
): Sighting<T>[][] {
  const groups = new Map<number, Sighting<T>[]>();
  for (const sighting of sightings) {
    const key = lastBefore(announcements, sighting.at);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sighting]);
    else group.push(sighting);
  }
  return [...groups.values()];
}

/** The largest announcement below `at`, or -1. */
function lastBefore(announcements: readonly number[], at: number): number {
  let low = 0;
  let high = announcements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((announcements[middle] ?? Infinity) < at) low = middle + 1;
    else high = middle;
  }
  return announcements[low - 1] ?? -1;
}
