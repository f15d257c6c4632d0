import type { Hex } from '../hex';
import type { FeatureSwitches } from './probed';

export type SmmuEvent =
  | {
      readonly type: 'SmmuAdded';
      readonly smmu: string;
      readonly host: string;
      /** IDR0–IDR5, 32 bits each. */
      readonly idr: readonly Hex[];
      readonly iidr: Hex;
      readonly aidr: Hex;
      readonly switches: FeatureSwitches;
    }
  /** `switches`: all that are forced from here on. */
  | {
      readonly type: 'SmmuFeaturesForced';
      readonly smmu: string;
      readonly switches: FeatureSwitches;
    }
  | {
      readonly type: 'SmmuStreamIdsClaimed';
      readonly device: string;
      readonly streamIds: readonly number[];
    }
  | { readonly type: 'SmmuVmidAllocated'; readonly vmid: number; readonly parent: string }
  | { readonly type: 'SmmuVmidReleased'; readonly vmid: number };
