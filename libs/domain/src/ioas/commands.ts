import type { Hex } from '../hex';

export type IoasCommand =
  | { readonly type: 'CreateIoas'; readonly ioas: string; readonly vm: string }
  | {
      /** IOMMU_IOAS_MAP with a fixed IOVA; `pa` is what backs the VMM's user memory. */
      readonly type: 'MapIova';
      readonly ioas: string;
      readonly iova: Hex;
      readonly length: Hex;
      readonly pa: Hex;
      readonly read: boolean;
      readonly write: boolean;
    }
  | {
      /** IOMMU_IOAS_UNMAP. */
      readonly type: 'UnmapIova';
      readonly ioas: string;
      readonly iova: Hex;
      readonly length: Hex;
    };
