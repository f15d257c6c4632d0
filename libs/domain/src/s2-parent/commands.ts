import type { Hex } from '../hex';

export type S2ParentCommand =
  | {
      /** IOMMU_HWPT_ALLOC on an IOAS with IOMMU_HWPT_ALLOC_NEST_PARENT. */
      readonly type: 'AllocateNestParent';
      readonly parent: string;
      readonly ioas: string;
      /** The device whose SMMU the table is for. */
      readonly device: string;
    }
  | {
      /**
       * iommufd_sw_msi(): maps one doorbell page into the parent. Mainline takes the window's pages in
       * order of first use; here the caller names the page, because a recorded guest's doorbell IPA is
       * fixed by its machine's memory map.
       */
      readonly type: 'MapSoftwareMsi';
      readonly parent: string;
      readonly ipa: Hex;
      readonly pa: Hex;
    }
  | { readonly type: 'FreeNestParent'; readonly parent: string };
