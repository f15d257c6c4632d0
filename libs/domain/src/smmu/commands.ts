import type { Hex } from '../hex';
import type { FeatureSwitches } from './probed';

export type SmmuCommand =
  | {
      /** A physical SMMUv3 of a host, with the ID registers its driver will probe. */
      readonly type: 'AddSmmu';
      readonly smmu: string;
      readonly host: string;
      readonly idr: readonly Hex[];
      readonly iidr: Hex;
      readonly aidr: Hex;
      readonly switches: FeatureSwitches;
    }
  | {
      /**
       * The driver uses other features of an SMMU from here on, as if it had been told so when it was loaded; switches that
       * are not named stay as they are. What `fork` asks.
       */
      readonly type: 'ForceFeatures';
      readonly smmu: string;
      readonly switches: FeatureSwitches;
    };
