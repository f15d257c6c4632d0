/**
 * log2 of every size that a descriptor of VMSAv8-64 maps, pages, blocks and tables, ascending; the
 * caches name a size by its place in this list.
 */
export const PAGE_SIZES_LOG2 = [12, 14, 16, 21, 25, 29, 30, 36, 39, 42, 47] as const;

const indexBySize = new Int8Array(64).fill(-1);
PAGE_SIZES_LOG2.forEach((sizeLog2, index) => {
  indexBySize[sizeLog2] = index;
});

/** Bytes of each size. */
export const PAGE_BYTES: readonly number[] = PAGE_SIZES_LOG2.map((sizeLog2) => 2 ** sizeLog2);

/**
 * The address inside its page of that size. Sizes up to 1 GiB need only the address's low 32 bits.
 */
export function offsetInPage(sizeIndex: number, address: number): number {
  const bytes = PAGE_BYTES[sizeIndex]!;
  return bytes <= 0x4000_0000 ? address & (bytes - 1) : address % bytes;
}

/** Place of a size in PAGE_SIZES_LOG2. @throws RangeError for a size that no descriptor maps. */
export function pageSizeIndex(sizeLog2: number): number {
  const index = indexBySize[sizeLog2] ?? -1;
  if (index < 0) throw new RangeError(`2^${sizeLog2} is no size that a descriptor maps`);
  return index;
}
