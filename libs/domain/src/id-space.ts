/**
 * Numbers in use, as ascending ranges that neither overlap nor touch: how the kernel hands out ASIDs, lowest free first
 * (ida_alloc_range, xa_alloc). A value: taking and giving back return a new one.
 */
export type IdSpace = readonly { readonly first: number; readonly last: number }[];

/** The lowest number in `first` … `last` that is not in use; undefined when all are. */
export function lowestFree(ids: IdSpace, first: number, last: number): number | undefined {
  const range = ids.find((r) => r.first <= first && first <= r.last);
  const free = range === undefined ? first : range.last + 1;
  return free <= last ? free : undefined;
}

export function isTaken(ids: IdSpace, id: number): boolean {
  return ids.some((r) => r.first <= id && id <= r.last);
}

/** With `id` in use too. */
export function take(ids: IdSpace, id: number): IdSpace {
  const below = ids.filter((r) => r.last < id);
  const above = ids.filter((r) => r.first > id);
  const joinsBelow = below.at(-1)?.last === id - 1 ? below.pop() : undefined;
  const joinsAbove = above[0]?.first === id + 1 ? above.shift() : undefined;
  const range = { first: joinsBelow?.first ?? id, last: joinsAbove?.last ?? id };
  return [...below, range, ...above];
}

/** Without `id`. */
export function giveBack(ids: IdSpace, id: number): IdSpace {
  return ids.flatMap((r) => {
    if (id < r.first || id > r.last) return [r];
    const parts = [
      { first: r.first, last: id - 1 },
      { first: id + 1, last: r.last },
    ];
    return parts.filter((part) => part.first <= part.last);
  });
}
