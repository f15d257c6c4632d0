export type S1DomainCommand =
  | {
      /** IOMMU_HWPT_ALLOC on an IOAS without IOMMU_HWPT_ALLOC_NEST_PARENT. */
      readonly type: 'AllocateS1Domain';
      readonly domain: string;
      readonly ioas: string;
      /** The device whose SMMU the table is for. */
      readonly device: string;
      readonly faultQueue?: string;
      /** IOMMU_HWPT_ALLOC_PASID: it may be attached to PASIDs, and stay attached to a device that has PASIDs attached. */
      readonly pasid?: boolean;
    }
  | { readonly type: 'FreeS1Domain'; readonly domain: string };
