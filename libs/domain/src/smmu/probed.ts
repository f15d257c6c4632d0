import { probe, UnsupportedSmmu } from '@steward/host';
import type { ForcedFeatures, IdrWords, Probe } from '@steward/host';
import type { Hex } from '../hex';

/** Switches that override what the ID registers say, as a kernel command line or a scenario may. */
export type FeatureSwitches = ForcedFeatures;

/** What describes a physical SMMU to its driver: IDR0–IDR5, IIDR, AIDR, 32 bits each, and the switches. */
export interface SmmuIdentity {
  readonly smmu: string;
  readonly idr: readonly Hex[];
  readonly iidr: Hex;
  readonly aidr: Hex;
  readonly switches: FeatureSwitches;
}

/** The ID registers as numbers. There are six; the decision checks that. */
export function words(idr: readonly Hex[]): IdrWords {
  return idr.map(Number) as unknown as IdrWords;
}

/** What the driver decides to use of an SMMU, or why its probe fails (-ENXIO). */
export function probed(identity: SmmuIdentity): Probe | UnsupportedSmmu {
  const { smmu: id, idr, iidr, aidr, switches: features } = identity;
  try {
    return probe({ id, idr: words(idr), iidr: Number(iidr), aidr: Number(aidr), features });
  } catch (error) {
    if (error instanceof UnsupportedSmmu) return error;
    throw error;
  }
}
