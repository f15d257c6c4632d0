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
      /**
       * IOMMU_IOAS_UNMAP: area by area, in address order; one that straddles the range stops it. All 2^64-1 bytes from 0
       * mean everything, however little that is.
       */
      readonly type: 'UnmapIova';
      readonly ioas: string;
      readonly iova: Hex;
      readonly length: Hex;
    }
  | { readonly type: 'FreeIoas'; readonly ioas: string };
