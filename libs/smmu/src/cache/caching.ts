import type { CacheShape } from './replacement';

/** How an SMMU caches. Both kinds are permitted; software that invalidates rightly sees no difference. */
export type Caching =
  | {
      /** Keeps whatever it may, until a command names it. */
      readonly mode: 'adversarial';
      /** Keeps table descriptors too, each with the place its table was found at. Default true. */
      readonly walkCaches?: boolean;
      /** A cached STE answers for all StreamIDs of its CONT span. Default true. */
      readonly contiguousHints?: boolean;
    }
  /** Set-associative TLB, walk cache and STE cache; entries give way to others. */
  | ({ readonly mode: 'limited' } & CacheShape);

export const ADVERSARIAL: Caching = { mode: 'adversarial' };
