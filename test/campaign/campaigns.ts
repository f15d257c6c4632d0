import type { Campaign } from './campaign';

/** Every campaign there is. */
export const CAMPAIGNS: readonly Campaign[] = [];
