import type { Hex } from '../hex';

/** What a device is attached to. `blocked` is the driver's blocked domain: an abort STE. */
export type AttachTarget =
  | { readonly kind: 'nested-domain'; readonly id: string }
  | { readonly kind: 's2-parent'; readonly id: string };

export type DeviceEvent =
  | {
      readonly type: 'DeviceAdded';
      readonly device: string;
      readonly host: string;
      readonly smmu: string;
      readonly streamIds: readonly number[];
      readonly canwbs: boolean;
      readonly ats: boolean;
    }
  | { readonly type: 'DeviceBound'; readonly device: string; readonly vm: string }
  | {
      readonly type: 'DeviceVirtualized';
      readonly device: string;
      readonly vsmmu: string;
      /** The device's StreamID as its guest sees it. */
      readonly vsid: number;
    }
  | {
      readonly type: 'DeviceAttached';
      readonly device: string;
      readonly target: AttachTarget;
      /** The stage-2 parent whose tables are in force below the target. */
      readonly parent: string;
      readonly vmid: number;
      /** The two vSTE words of a nested domain, as accepted. */
      readonly vste?: readonly [Hex, Hex];
      /** Set when the driver knows a vDEVICE at attach, so that faults reach its guest. */
      readonly vsid?: number;
      readonly replaced?: AttachTarget;
    }
  | { readonly type: 'DeviceDetached'; readonly device: string; readonly from: AttachTarget };
