export type S1DomainEvent =
  | {
      readonly type: 'S1DomainAllocated';
      readonly domain: string;
      readonly vm: string;
      readonly ioas: string;
      readonly smmu: string;
      readonly asid: number;
      /** Made by an attach to the IOAS, and freed with its last device. */
      readonly automatic: boolean;
      readonly faultQueue?: string;
      /** It may be attached to PASIDs. */
      readonly pasid?: boolean;
    }
  | { readonly type: 'S1DomainFreed'; readonly domain: string }
  /** `pasid`: one PASID of the device; absent: the device's traffic without one. */
  | { readonly type: 'S1DomainJoined'; readonly device: string; readonly pasid?: number }
  | { readonly type: 'S1DomainLeft'; readonly device: string; readonly pasid?: number };
