/** log2 of every page and block size of VMSAv8-64, ascending; the caches name a size by its place in this list. */
export const PAGE_SIZES_LOG2 = [12, 14, 16, 21, 25, 29, 30, 42] as const;

const indexBySize = new Int8Array(64).fill(-1);
PAGE_SIZES_LOG2.forEach((sizeLog2, index) => {
  indexBySize[sizeLog2] = index;
});

/** Bytes of each size. */
export const PAGE_BYTES: readonly number[] = PAGE_SIZES_LOG2.map((sizeLog2) => 2 ** sizeLog2);

/** Place of a size in PAGE_SIZES_LOG2. @throws RangeError for a size that no leaf has. */
export function pageSizeIndex(sizeLog2: number): number {
  const index = indexBySize[sizeLog2] ?? -1;
  if (index < 0) throw new RangeError(`2^${sizeLog2} is no page or block size`);
  return index;
}
