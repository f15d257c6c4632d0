/** Bytes of one translation granule; the host kernel uses 4K pages. */
export const GRANULE = 4096;
const GRANULE_BITS = 12;
const INDEX_BITS = 9;
/** VMSAv8-64 with a 4K granule and without LPA2 (DDI 0487 D8.2). */
const ADDRESS_BITS_MAX = 48;
const LAST_LEVEL = 3;
const DESCRIPTOR_BYTES = 8;

/** Output address sizes in bits by their IDR5.OAS / S2PS encoding (IHI 0070 §6.3.6). */
export const ADDRESS_SIZES = [32, 36, 40, 42, 44, 48, 52, 56] as const;

/** Shape of a translation table of either stage. */
export interface TableGeometry {
  /** Input address size in bits: of an IPA at stage 2; an address at or above 2^inputSize faults. */
  readonly inputSize: number;
  readonly startLevel: number;
  /** Bytes of the start-level table, concatenated tables included. */
  readonly rootBytes: number;
}

/** Shape of a stage-2 table: everything that follows from the address sizes. */
export interface Stage2Geometry extends TableGeometry {
  /** STE.S2T0SZ, S2SL0 and S2PS. */
  readonly t0sz: number;
  readonly sl0: number;
  readonly ps: number;
}

/**
 * The shape Linux gives a stage-2 table (`arm_64_lpae_alloc_pgtable_s2`): the natural start level of the IPA size, and
 * concatenated start tables only where the architecture demands them (DDI 0487 D8.2, R_SRKBC: 40 and 42 bits from level 0).
 * @param inputBits IPA size, 32 … 48; larger sizes are cut to 48.
 * @param oas IDR5.OAS encoding, 0 … 6.
 */
export function stage2Geometry(inputBits: number, oas: number): Stage2Geometry {
  const inputSize = Math.min(inputBits, ADDRESS_BITS_MAX);
  const outputBits = Math.min(ADDRESS_SIZES[oas] ?? 0, ADDRESS_BITS_MAX);
  const ps = ADDRESS_SIZES.findIndex((bits) => bits === outputBits);
  if (ps < 0 || inputSize < 32) throw new RangeError(`no stage-2 format for OAS encoding ${oas}`);
  let levels = Math.ceil((inputSize - GRANULE_BITS) / INDEX_BITS);
  let startLevel = LAST_LEVEL + 1 - levels;
  if (startLevel === 0 && (outputBits === 40 || outputBits === 42)) {
    levels -= 1;
    startLevel = 1;
  }
  const rootIndexBits = inputSize - GRANULE_BITS - INDEX_BITS * (levels - 1);
  return {
    inputSize,
    startLevel,
    rootBytes: 2 ** rootIndexBits * DESCRIPTOR_BYTES,
    t0sz: 64 - inputSize,
    sl0: 2 - startLevel,
    ps,
  };
}

/** The lower half of a stage 1 as Linux makes it: 48 bits of VA from level 0 (`arm_64_lpae_alloc_pgtable_s1`). */
export const STAGE1_GEOMETRY: TableGeometry = {
  inputSize: ADDRESS_BITS_MAX,
  startLevel: 0,
  rootBytes: GRANULE,
};

/** Bytes mapped by one descriptor at a level: 512 GiB, 1 GiB, 2 MiB, 4 KiB for levels 0 … 3. */
export function levelSize(level: number): number {
  return 2 ** (GRANULE_BITS + INDEX_BITS * (LAST_LEVEL - level));
}

/** Level whose descriptors map exactly `bytes`. @throws RangeError when there is none that can hold a leaf. */
export function leafLevel(bytes: number): number {
  for (let level = 1; level <= LAST_LEVEL; level++) if (levelSize(level) === bytes) return level;
  throw new RangeError(`${bytes} is not a page or block size`);
}

/** Index of an address's descriptor in its table at a level; the start level has no upper bound of 512. */
export function tableIndex(address: number, level: number, startLevel: number): number {
  const index = Math.floor(address / levelSize(level));
  return level === startLevel ? index : index % 2 ** INDEX_BITS;
}

/** Leaf sizes of the 4K granule, largest first (DDI 0487 D8.3). */
const LEAF_SIZES = [levelSize(1), levelSize(2), levelSize(3)];

/** Descriptors of one size that one page-table call handles. */
export interface LeafRun {
  readonly size: number;
  readonly count: number;
}

/**
 * The largest leaf that fits at this place, and how many of them in a row before a larger one fits (Linux `iommu_pgsize`).
 * @param place byte addresses and the bytes left; a run is aligned at both ends.
 * @throws RangeError when the place is not page aligned or less than a page is left.
 */
export function leafRun(place: { input: number; output: number; left: number }): LeafRun {
  const { input, output, left } = place;
  for (const [i, size] of LEAF_SIZES.entries()) {
    if (size > left || input % size !== 0 || output % size !== 0) continue;
    const larger = LEAF_SIZES[i - 1];
    if (larger !== undefined && input % larger === output % larger) {
      const toLarger = larger - (input % larger);
      if (toLarger + larger <= left) return { size, count: toLarger / size };
    }
    return { size, count: Math.floor(left / size) };
  }
  throw new RangeError('a mapping must start and end on a 4 KiB page');
}
