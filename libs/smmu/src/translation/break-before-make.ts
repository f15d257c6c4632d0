/**
 * What an SMMU does about software that changes the size of a valid translation without making it
 * invalid first (IHI 0070 §3.21.1).
 */
export interface BreakBeforeMake {
  /** Several TLB entries for one address are a fault; otherwise the largest of them answers. */
  readonly conflictsFault: boolean;
  /** A block with nT=1 translates, and is not cached. */
  readonly heedsNoTranslation: boolean;
}

/** How translations are looked up and cached. */
export interface CachingRules extends BreakBeforeMake {
  /** Table descriptors are cached too. */
  readonly walkCaches: boolean;
}

/**
 * @param level IDR3.BBML: at level 2 the SMMU resolves conflicts and ignores nT, at level 1 it heeds
 * nT, at level 0 the bit is RES0.
 */
export function breakBeforeMake(level: number): BreakBeforeMake {
  return { conflictsFault: level < 2, heedsNoTranslation: level === 1 };
}
