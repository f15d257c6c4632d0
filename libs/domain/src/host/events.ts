import type { HostPolicy } from '@steward/host';
import type { Hex } from '../hex';
import type { ForgettableCommand } from './forgotten';

/** How the driver of this host behaves. The log names it, so a replay runs under the same one. */
export type Policy = HostPolicy;

/** What a range of the host's physical address space is. Everywhere else an access is an external abort. */
export type RegionUse = 'kernel' | 'guest-ram' | 'msi-doorbell';

export interface Region {
  readonly use: RegionUse;
  readonly base: Hex;
  /** Bytes, a multiple of 4 KiB. */
  readonly size: Hex;
}

export type HostEvent =
  | {
      readonly type: 'HostRegistered';
      readonly host: string;
      readonly policy: Policy;
      readonly memory: readonly Region[];
      /** Commands that its driver forgets. Absent: it has no such defect. */
      readonly forgets?: readonly ForgettableCommand[];
    }
  /** From here on the host's driver decides and invalidates by this policy. */
  | { readonly type: 'HostPolicyChanged'; readonly host: string; readonly policy: Policy }
  /** The machine is gone for good: nothing is decided about it any more. */
  | { readonly type: 'HostClosed'; readonly host: string }
  | { readonly type: 'HostSmmuListed'; readonly smmu: string }
  | { readonly type: 'HostDeviceListed'; readonly device: string; readonly smmu: string }
  | {
      readonly type: 'HostRamAssigned';
      readonly vm: string;
      readonly ranges: readonly { readonly pa: Hex; readonly size: Hex }[];
    }
  /** `owner`: the stream of the domain or device that translates under it. */
  | { readonly type: 'HostAsidAllocated'; readonly asid: number; readonly owner: string }
  | { readonly type: 'HostAsidReleased'; readonly asid: number };
