import type { Hex } from '../hex';

export type IoasCommand =
  | { readonly type: 'CreateIoas'; readonly ioas: string; readonly vm: string }
  | {
      /** IOMMU_IOAS_MAP; `pa` is what backs the VMM's user memory. */
      readonly type: 'MapIova';
      readonly ioas: string;
      /** Absent: without IOMMU_IOAS_MAP_FIXED_IOVA, where the kernel chooses it. */
      readonly iova?: Hex;
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
  | {
      /** IOMMU_IOAS_COPY: the memory that `from` maps at `source` is mapped in `ioas` as well. */
      readonly type: 'CopyIova';
      readonly ioas: string;
      /** Absent: the kernel chooses it. */
      readonly iova?: Hex;
      readonly from: string;
      readonly source: Hex;
      readonly length: Hex;
      readonly read: boolean;
      readonly write: boolean;
    }
  | {
      /** IOMMU_IOAS_ALLOW_IOVAS: where the kernel may choose IOVAs, and what no device may reserve from now on. */
      readonly type: 'AllowIovas';
      readonly ioas: string;
      readonly ranges: readonly { readonly first: Hex; readonly last: Hex }[];
    }
  | {
      /** IOMMU_OPTION_HUGE_PAGES: whether tables may hold blocks larger than a page. */
      readonly type: 'SetHugePages';
      readonly ioas: string;
      readonly enabled: boolean;
    }
  | { readonly type: 'FreeIoas'; readonly ioas: string };
