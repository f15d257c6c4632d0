import type { Campaign } from './campaign';
import { USED_BITS } from './host/used-bits';

/** Every campaign there is. */
export const CAMPAIGNS: readonly Campaign[] = [USED_BITS];
