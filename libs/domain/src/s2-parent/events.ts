import type { Hex } from '../hex';

export type S2ParentEvent =
  | {
      readonly type: 'NestParentAllocated';
      readonly parent: string;
      readonly vm: string;
      readonly ioas: string;
      readonly smmu: string;
      readonly vmid: number;
    }
  | {
      /** The kernel's own mapping of the MSI doorbell inside the software-MSI window. */
      readonly type: 'SoftwareMsiMapped';
      readonly parent: string;
      readonly ipa: Hex;
      readonly pa: Hex;
    }
  | { readonly type: 'NestParentFreed'; readonly parent: string }
  /** `user`: stream of a device attached to it, or of a vSMMU on it. */
  | { readonly type: 'NestParentJoined'; readonly user: string }
  | { readonly type: 'NestParentLeft'; readonly user: string };
