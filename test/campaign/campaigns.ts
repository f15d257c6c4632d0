import type { Campaign } from './campaign';
import { DURABILITY_CAMPAIGNS } from './ledger/durability';
import { USED_BITS } from './host/used-bits';

/** Every campaign there is. */
export const CAMPAIGNS: readonly Campaign[] = [USED_BITS, ...DURABILITY_CAMPAIGNS];
