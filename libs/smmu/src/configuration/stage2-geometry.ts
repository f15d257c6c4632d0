import type { Features } from '../registers/features';
import { GRANULE_16K, GRANULE_4K, levelShift, type Granule } from '../translation/granule';

/**
 * Start level that S2SL0 selects, or undefined for a reserved value (DDI 0487 D8.2.2,
 * VTCR_EL2.SL0).
 */
export function stage2StartLevel(
  sl0: number,
  granule: Granule,
  features: Features,
): number | undefined {
  if (granule !== GRANULE_4K) return sl0 < 3 ? 3 - sl0 : undefined;
  if (sl0 < 3) return 2 - sl0;
  return features.smallTables ? 3 : undefined;
}

/**
 * Whether a start level does not exist for this physical address size (DDI 0487 pseudocode
 * AArch64.S2InvalidSL).
 */
export function stage2StartLevelInvalid(
  sl0: number,
  granule: Granule,
  features: Features,
): boolean {
  if (stage2StartLevel(sl0, granule, features) === undefined) return true;
  if (sl0 !== 2) return false;
  return features.oas < (granule === GRANULE_16K ? 42 : 44);
}

/**
 * Whether the input size cannot be resolved from the start level: it needs at least one bit there,
 * and at most one stride plus the four bits of sixteen concatenated tables (DDI 0487 pseudocode
 * AArch64.S2InconsistentSL).
 */
export function stage2StartLevelInconsistent(
  inputBits: number,
  startLevel: number,
  granule: Granule,
): boolean {
  const bits = inputBits - levelShift(granule, startLevel);
  return bits < 1 || bits > granule.stride + 4;
}
