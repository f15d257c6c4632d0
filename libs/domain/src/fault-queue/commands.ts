export type FaultQueueCommand =
  /** IOMMU_FAULT_QUEUE_ALLOC. No page request is ever put into it: stalls and PRI reach no guest yet. */
  | { readonly type: 'AllocateFaultQueue'; readonly faultQueue: string; readonly vm: string }
  /** The file descriptor is closed; it held a reference. */
  | { readonly type: 'CloseFaultQueue'; readonly faultQueue: string }
  | { readonly type: 'FreeFaultQueue'; readonly faultQueue: string };
