import type { Hex } from '../hex';
import type { FeatureSwitches } from './probed';

export type SmmuCommand = {
  /** A physical SMMUv3 of a host, with the ID registers its driver will probe. */
  readonly type: 'AddSmmu';
  readonly smmu: string;
  readonly host: string;
  readonly idr: readonly Hex[];
  readonly iidr: Hex;
  readonly aidr: Hex;
  readonly switches: FeatureSwitches;
};
