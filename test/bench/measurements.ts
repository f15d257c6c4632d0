import type { Measurement } from './measurement';

/** Every measurement there is, in the order in which they run. */
export const MEASUREMENTS: readonly Measurement[] = [];
