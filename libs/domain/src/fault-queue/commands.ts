import type { Hex } from '../hex';

export type FaultQueueCommand =
  /** IOMMU_FAULT_QUEUE_ALLOC. */
  | { readonly type: 'AllocateFaultQueue'; readonly faultQueue: string; readonly vm: string }
  /** The driver reports a stalled transaction (iommufd_fault_iopf_handler). */
  | ({ readonly type: 'ReportPageFault'; readonly faultQueue: string } & PageFault)
  /** read() of `bytes` on its file descriptor. */
  | { readonly type: 'ReadPageFaults'; readonly faultQueue: string; readonly bytes: number }
  /** write() of whole responses to its file descriptor. */
  | {
      readonly type: 'AnswerPageFaults';
      readonly faultQueue: string;
      readonly responses: readonly PageResponse[];
    }
  /** The file descriptor is closed; it held a reference. */
  | { readonly type: 'CloseFaultQueue'; readonly faultQueue: string }
  | { readonly type: 'FreeFaultQueue'; readonly faultQueue: string };

/** A group of page requests, which on an SMMUv3 is one: a stalled transaction. */
export interface PageFault {
  readonly device: string;
  /** PASID that the domain with the queue is attached to; 0: the device itself. */
  readonly attachment: number;
  /** PASID of the transaction, if it had one. */
  readonly pasid?: number;
  /** The STAG. */
  readonly group: number;
  /** IOMMU_PGFAULT_PERM_READ 1, WRITE 2, EXEC 4, PRIV 8. */
  readonly permissions: number;
  readonly address: Hex;
}

/** struct iommu_hwpt_page_response. */
export interface PageResponse {
  readonly cookie: number;
  /** IOMMUFD_PAGE_RESP_SUCCESS 0: try again; IOMMUFD_PAGE_RESP_INVALID 1: abort. */
  readonly code: number;
}
