import type { CommandWords, Removed, StalenessWatcher } from '@steward/smmu';

/** A VMID, or an ASID of the kernel's own stage-1 domains (which have VMID 0), that nobody uses. */
export interface IdleTag {
  readonly smmu: string;
  readonly kind: 'vmid' | 'asid';
  readonly id: number;
}

/** A page request as the driver makes it of an event record (Linux `struct iommu_fault_page_request`). */
export interface PageFault {
  readonly faultQueue: string;
  /** PASID that the domain with the queue is attached to; 0: the device's traffic without one. */
  readonly attachment: number;
  /** PASID of the transaction, if it had one. */
  readonly pasid?: number;
  /** The STAG: what the answer names. */
  readonly group: number;
  /** IOMMU_FAULT_PERM_READ 1, WRITE 2, EXEC 4, PRIV 8. */
  readonly permissions: number;
  readonly address: bigint;
}

/** Told what the driver and its SMMUs do, in the order in which it happens. */
export interface HostObserver {
  /** Who watches the caches of an SMMU that is brought up. */
  stalenessOf?(smmu: string): StalenessWatcher | undefined;
  /**
   * The last device that used a VMID or an ASID of the kernel's has left, or its domain goes: no entry
   * may be cached under it.
   */
  tagIdle?(tag: IdleTag): void;
  /** The STE in memory at each CMD_CFGI_STE: every intermediate entry of an update, the final one last. */
  steAtSync?(e: { smmu: string; streamId: number; words: readonly bigint[] }): void;
  /** Each command an SMMU consumed, with the number of cached entries it removed. */
  command?(e: {
    smmu: string;
    words: CommandWords;
    removed: Removed;
    /** `guest`: converted from a guest's invalidation. */
    origin: 'driver' | 'guest';
  }): void;
  /** A command an SMMU stopped at; the driver replaces an illegal one by a CMD_SYNC and goes on. */
  commandError?(e: { smmu: string; words: CommandWords; error: string }): void;
  /** Each record read from a physical event queue. */
  event?(e: { smmu: string; record: readonly bigint[] }): void;
  /** A stalled transaction whose domain has a fault queue waits for an answer (`iommufd_fault_iopf_handler`). */
  pageFault?(e: PageFault & { readonly device: string; readonly record: readonly bigint[] }): void;
  /** A record handed to the vEVENTQ of a vSMMU, its StreamID replaced by the vSID. */
  guestEvent?(e: {
    device: string;
    vsid: number;
    parent: string;
    /** The vSMMU that the attachment named. */
    vsmmu?: string;
    record: readonly bigint[];
  }): void;
}
