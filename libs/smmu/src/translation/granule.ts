import { PAGE_SIZES_LOG2 } from '../cache/page-sizes';
import type { TlbAddress } from '../cache/tlb-address';
import type { Features } from '../registers/features';

/** A translation granule of VMSAv8-64 (DDI 0487 D8.2). */
export interface Granule {
  /** log2 of the page size. */
  readonly pageShift: number;
  /** Bits of the address that one level resolves. */
  readonly stride: number;
  /** Lowest level with Block descriptors when addresses have 48 bits (DDI 0487 D8.3.1). */
  readonly firstBlockLevel: number;
  /** Encoding in the TG field of the TLB invalidation commands (IHI 0070 §4.4.1.1). */
  readonly commandCode: number;
  /** log2 of the bytes that one entry at each level maps. */
  readonly shifts: readonly number[];
  /** Place of those bytes in PAGE_SIZES_LOG2; -1 at a level that the granule does not have. */
  readonly sizeIndexes: readonly number[];
  /** Bit n: a table descriptor is for PAGE_SIZES_LOG2[n] of addresses. No granules share a size. */
  readonly tableSizes: number;
}

function granule(own: Pick<Granule, 'pageShift' | 'firstBlockLevel' | 'commandCode'>): Granule {
  // A table fills a page with entries of 8 bytes.
  const stride = own.pageShift - 3;
  const shifts = [3, 2, 1, 0].map((levelsBelow) => own.pageShift + stride * levelsBelow);
  const sizeIndexes = shifts.map((shift) => (PAGE_SIZES_LOG2 as readonly number[]).indexOf(shift));
  const tableSizes = sizeIndexes
    .slice(0, 3)
    .reduce((mask, index) => (index < 0 ? mask : mask | (1 << index)), 0);
  return { ...own, stride, shifts, sizeIndexes, tableSizes };
}

export const GRANULE_4K = granule({ pageShift: 12, firstBlockLevel: 1, commandCode: 1 });
export const GRANULE_16K = granule({ pageShift: 14, firstBlockLevel: 2, commandCode: 2 });
export const GRANULE_64K = granule({ pageShift: 16, firstBlockLevel: 2, commandCode: 3 });
/**
 * The 64K granule where the output address has 52 bits: level 1 has 4 TiB blocks (DDI 0487 D8.3.1).
 */
export const GRANULE_64K_LPA: Granule = { ...GRANULE_64K, firstBlockLevel: 1 };

/**
 * The granule that CD.TG0 or STE.S2TG selects, or undefined when reserved or not implemented (IHI
 * 0070 §5.2, §5.4).
 */
export function granuleOfTg0(encoding: number, features: Features): Granule | undefined {
  return supported([GRANULE_4K, GRANULE_64K, GRANULE_16K][encoding], features);
}

/** The granule that CD.TG1 selects; its encoding differs from TG0's (IHI 0070 §5.4). */
export function granuleOfTg1(encoding: number, features: Features): Granule | undefined {
  return supported([undefined, GRANULE_16K, GRANULE_4K, GRANULE_64K][encoding], features);
}

/** The granule of a TLB invalidation command's TG field, 1 to 3. */
export function granuleOfCommand(encoding: number): Granule | undefined {
  return [undefined, GRANULE_4K, GRANULE_16K, GRANULE_64K][encoding];
}

function supported(granule: Granule | undefined, features: Features): Granule | undefined {
  switch (granule) {
    case GRANULE_4K:
      return features.granule4K ? granule : undefined;
    case GRANULE_16K:
      return features.granule16K ? granule : undefined;
    case GRANULE_64K:
      if (!features.granule64K) return undefined;
      return features.oas >= 52 ? GRANULE_64K_LPA : granule;
    default:
      return undefined;
  }
}

/**
 * Index into a table of `level`. The start table takes all upper bits, `startMask` of them: it may
 * be concatenated (DDI 0487 D8.2.2).
 */
export function tableIndex(
  granule: Granule,
  level: number,
  start: { readonly startLevel: number; readonly startMask: number },
  at: TlbAddress,
): number {
  const mask = level === start.startLevel ? start.startMask : (1 << granule.stride) - 1;
  return at.from(granule.shifts[level]!) & mask;
}

/** `startMask` of a start table at `level` for addresses of `inputBits` bits. */
export function startMaskOf(granule: Granule, level: number, inputBits: number): number {
  return (1 << (inputBits - levelShift(granule, level))) - 1;
}

/** log2 of the bytes that one entry at `level` maps. */
export function levelShift(granule: Granule, level: number): number {
  return granule.shifts[level]!;
}
