/**
 * What a domain's users may have cached, and so what a change to the domain has to invalidate.
 *
 * The array is a value: sorted, with a user count on every entry (Linux arm-smmu-v3, `struct arm_smmu_invs`). Attaching
 * merges a device's targets in before hardware can use the domain; detaching takes them out after it no longer does.
 */

/** In the order in which a plan serves them. */
export const TARGET_TYPES = ['S1_ASID', 'S2_VMID', 'S2_VMID_S1_CLEAR', 'ATS', 'ATS_FULL'] as const;
export type TargetType = (typeof TARGET_TYPES)[number];

/** One thing to invalidate. */
export interface InvalidationTarget {
  readonly smmu: string;
  readonly type: TargetType;
  /** ASID, VMID or StreamID, as `type` says. */
  readonly id: number;
  /** SubstreamID of an ATS target, 0 for traffic without one. */
  readonly ssid: number;
}

export interface CountedTarget extends InvalidationTarget {
  /** Devices that rely on this entry. An entry with 0 users is trash: skipped, and dropped by `purge`. */
  readonly users: number;
}

export type InvalidationArray = readonly CountedTarget[];

/** Trash between live entries; trailing trash is never kept. */
export function trashCount(array: InvalidationArray): number {
  return array.filter((entry) => entry.users === 0).length;
}

/** A new array with one more user on every entry of `added` (sorted on the way in); trash is dropped. */
export function merge(
  array: InvalidationArray,
  added: readonly InvalidationTarget[],
): InvalidationArray {
  const merged = [...purge(array)];
  for (const target of added) {
    const at = position(merged, target);
    const found = merged[at];
    if (found !== undefined && compareTargets(found, target) === 0) {
      merged[at] = { ...found, users: found.users + 1 };
    } else merged.splice(at, 0, { ...target, users: 1 });
  }
  return merged;
}

/**
 * One user less on every entry of `removed`. Entries that reach 0 stay in place as trash, except at the end.
 * @throws RangeError when an entry is not there: the attach that merged it never happened.
 */
export function unref(
  array: InvalidationArray,
  removed: readonly InvalidationTarget[],
): InvalidationArray {
  const left = [...array];
  for (const target of removed) {
    const at = position(left, target);
    const entry = left[at];
    if (entry === undefined || entry.users === 0 || compareTargets(entry, target) !== 0) {
      throw new RangeError(`no user of ${target.type} ${target.id} on ${target.smmu}`);
    }
    left[at] = { ...entry, users: entry.users - 1 };
  }
  while (left.at(-1)?.users === 0) left.pop();
  return left;
}

/** The array without its trash. */
export function purge(array: InvalidationArray): InvalidationArray {
  return trashCount(array) === 0 ? array : array.filter((entry) => entry.users > 0);
}

/** Whether anyone still uses this target. */
export function isUsed(array: InvalidationArray, target: InvalidationTarget): boolean {
  const entry = array[position(array, target)];
  return entry !== undefined && entry.users > 0 && compareTargets(entry, target) === 0;
}

/** Index of the first entry that does not come before the target. */
function position(array: InvalidationArray, target: InvalidationTarget): number {
  let [low, high] = [0, array.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareTargets(array[middle]!, target) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Order of the array: SMMU, type, id, and for ATS the SubstreamID. */
function compareTargets(a: InvalidationTarget, b: InvalidationTarget): number {
  if (a.smmu !== b.smmu) return a.smmu < b.smmu ? -1 : 1;
  const byType = TARGET_TYPES.indexOf(a.type) - TARGET_TYPES.indexOf(b.type);
  return byType !== 0 ? byType : a.id !== b.id ? a.id - b.id : a.ssid - b.ssid;
}
