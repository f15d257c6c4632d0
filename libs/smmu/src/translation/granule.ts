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
}

export const GRANULE_4K: Granule = { pageShift: 12, stride: 9, firstBlockLevel: 1, commandCode: 1 };
export const GRANULE_16K: Granule = {
  pageShift: 14,
  stride: 11,
  firstBlockLevel: 2,
  commandCode: 2,
};
export const GRANULE_64K: Granule = {
  pageShift: 16,
  stride: 13,
  firstBlockLevel: 2,
  commandCode: 3,
};
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

const PER_BYTES: readonly number[] = Array.from({ length: 64 }, (_, shift) => 2 ** -shift);

/**
 * Index into a table of `level`. The start table takes all upper bits: it may be concatenated, and
 * the address is known to be inside its range (DDI 0487 D8.2.2).
 */
export function tableIndex(
  granule: Granule,
  level: number,
  startLevel: number,
  address: number,
): number {
  const position = Math.floor(address * PER_BYTES[levelShift(granule, level)]!);
  return level === startLevel ? position : position & ((1 << granule.stride) - 1);
}

/** log2 of the bytes that one entry at `level` maps. */
export function levelShift(granule: Granule, level: number): number {
  return granule.pageShift + granule.stride * (3 - level);
}
