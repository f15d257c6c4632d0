import type { Hex } from '../hex';
import type { VirtualId } from '../vsmmu/virtual-id';

/** What a device is attached to. `blocked` is the driver's blocked domain: an abort STE. */
export type AttachTarget =
  | { readonly kind: 'nested-domain'; readonly id: string }
  | { readonly kind: 's2-parent'; readonly id: string }
  | { readonly kind: 's1-domain'; readonly id: string };

/** Who attached a PASID, and so who detaches it. */
export type PasidHolder = 'iommufd' | 'kernel';

export type DeviceEvent =
  | {
      readonly type: 'DeviceAdded';
      readonly device: string;
      readonly host: string;
      readonly smmu: string;
      readonly streamIds: readonly number[];
      readonly canwbs: boolean;
      readonly ats: boolean;
      readonly resets?: boolean;
      /** It has an Address Translation Cache, and uses it while its ATS is on. */
      readonly atc?: boolean;
      /** Its transactions can wait when they fault. */
      readonly stalls?: boolean;
      /** log2 of the PASIDs it can send; absent: none. */
      readonly pasidBits?: number;
      /** ASID of the kernel's own DMA domain for it. Absent: it has none and aborts while nobody holds it. */
      readonly dmaAsid?: number;
    }
  | { readonly type: 'DeviceBound'; readonly device: string; readonly vm: string }
  | {
      readonly type: 'DeviceVirtualized';
      readonly device: string;
      readonly vsmmu: string;
      /** The device's StreamID as its guest sees it. */
      readonly vsid: VirtualId;
    }
  | {
      readonly type: 'DeviceDevirtualized';
      readonly device: string;
      readonly vsmmu: string;
      readonly vsid: VirtualId;
    }
  | {
      readonly type: 'DeviceAttached';
      readonly device: string;
      readonly target: AttachTarget;
      /** The stage-2 parent whose tables are in force at or below the target; absent for a stage-1 domain. */
      readonly parent?: string;
      readonly vmid?: number;
      /** The two vSTE words of a nested domain, as accepted. */
      readonly vste?: readonly [Hex, Hex];
      /** Set when the driver knows a vDEVICE at attach, so that faults reach its guest. */
      readonly vsid?: number;
      /** The vSMMU that vSID belongs to. */
      readonly vsmmu?: string;
      /** Where the page faults of the domain go. */
      readonly faultQueue?: string;
      /** Attached as PASID 0, which is the device's traffic without a PASID, and detached as that alone. */
      readonly asPasid?: boolean;
      readonly replaced?: AttachTarget;
    }
  | {
      readonly type: 'DevicePasidAttached';
      readonly device: string;
      readonly pasid: number;
      /** The stage-1 domain. */
      readonly domain: string;
      readonly holder: PasidHolder;
      /** Where the page faults of the domain go. */
      readonly faultQueue?: string;
      readonly replaced?: string;
    }
  | {
      readonly type: 'DevicePasidDetached';
      readonly device: string;
      readonly pasid: number;
      /** The stage-1 domain it leaves. */
      readonly domain: string;
    }
  | { readonly type: 'DeviceDetached'; readonly device: string; readonly from: AttachTarget }
  | {
      /**
       * A function-level reset. The kernel blocks the device's DMA while it lasts and puts its domain back
       * (pci_dev_reset_iommu_prepare, _done); without a vDEVICE the driver refuses to take a translating vSTE back.
       */
      readonly type: 'DeviceReset';
      readonly device: string;
      readonly restored: boolean;
    }
  | { readonly type: 'DeviceReleased'; readonly device: string };
