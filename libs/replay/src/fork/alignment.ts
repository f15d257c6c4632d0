/** A place in two sequences: an index into each, null where the other has something of its own. */
export type Pair = readonly [number | null, number | null];

/** Above this many comparisons what lies between the equal ends is taken as replaced. */
const CELLS_MAX = 4_000_000;

/** Puts two sequences side by side so that as much as possible of what is equal stands together (longest common subsequence). */
export function align(a: readonly string[], b: readonly string[]): Pair[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const [n, m] = [a.length - head - tail, b.length - head - tail];
  const middle = n * m > CELLS_MAX ? replaced(n, m) : common(a, b, { head, n, m });
  return [
    ...Array.from({ length: head }, (_, i): Pair => [i, i]),
    ...middle.map(([i, j]): Pair => [i === null ? null : i + head, j === null ? null : j + head]),
    ...Array.from({ length: tail }, (_, i): Pair => [head + n + i, head + m + i]),
  ];
}

function replaced(n: number, m: number): Pair[] {
  return [
    ...Array.from({ length: n }, (_, i): Pair => [i, null]),
    ...Array.from({ length: m }, (_, j): Pair => [null, j]),
  ];
}

function common(
  a: readonly string[],
  b: readonly string[],
  { head, n, m }: { readonly head: number; readonly n: number; readonly m: number },
): Pair[] {
  const width = m + 1;
  /** Length of the longest common subsequence of what is left from (i, j) on. */
  const left = new Uint32Array((n + 1) * width);
  const same = (i: number, j: number): boolean => a[head + i] === b[head + j];
  const at = (i: number, j: number): number => left[i * width + j] ?? 0;
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      left[i * width + j] = same(i, j)
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: Pair[] = [];
  for (let i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && same(i, j)) pairs.push([i++, j++]);
    else if (j === m || (i < n && at(i + 1, j) >= at(i, j + 1))) pairs.push([i++, null]);
    else pairs.push([null, j++]);
  }
  return pairs;
}
