export type VeventqCommand =
  | {
      /** IOMMU_VEVENTQ_ALLOC. */
      readonly type: 'AllocateVeventq';
      readonly veventq: string;
      readonly vsmmu: string;
      /** enum iommu_veventq_type; which events it gets. Only IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 (1) ever gets one. */
      readonly queueType: number;
      /** Events it holds before it loses more. */
      readonly depth: number;
    }
  | {
      /** The driver reports a record, its StreamID already the vSID (iommufd_viommu_report_event). */
      readonly type: 'ReportVevent';
      readonly veventq: string;
      readonly words: BigUint64Array;
    }
  | {
      /** read() of `bytes` on its file descriptor. */
      readonly type: 'ReadVevents';
      readonly veventq: string;
      readonly bytes: number;
    }
  /** The file descriptor is closed; it held a reference. */
  | { readonly type: 'CloseVeventq'; readonly veventq: string }
  | { readonly type: 'FreeVeventq'; readonly veventq: string };
