import type { AttachTarget, PasidHolder } from './events';

export type DeviceCommand =
  | {
      readonly type: 'AddDevice';
      readonly device: string;
      readonly smmu: string;
      readonly streamIds: readonly number[];
      /** IORT root complex flag: coherent even with No_snoop. */
      readonly canwbs: boolean;
      readonly ats: boolean;
      /** It has an Address Translation Cache, and uses it while its ATS is on. Default false. */
      readonly atc?: boolean;
      /** Firmware says that its transactions can wait when they fault (`dma-can-stall`). Default false. */
      readonly stalls?: boolean;
      /** log2 of the PASIDs it can send, 1 … 20; absent: none. */
      readonly pasidBits?: number;
      /** It has a function-level reset, which VFIO does when its VMM closes it. */
      readonly resets?: boolean;
    }
  /** VFIO_DEVICE_BIND_IOMMUFD for the VMM of `vm`: the device leaves the kernel's DMA domain and is blocked. */
  | { readonly type: 'BindDevice'; readonly device: string; readonly vm: string }
  /** VFIO_DEVICE_ATTACH_IOMMUFD_PT: attach, or replace when attached. */
  | {
      readonly type: 'AttachDevice';
      readonly device: string;
      readonly target: AttachTarget | IoasTarget;
    }
  /** VFIO_DEVICE_DETACH_IOMMUFD_PT: back to the blocked domain. */
  | { readonly type: 'DetachDevice'; readonly device: string }
  | {
      /**
       * VFIO_DEVICE_ATTACH_IOMMUFD_PT with VFIO_DEVICE_ATTACH_PASID: attach one PASID, or replace what it is attached to.
       * PASID 0 is the device's traffic without a PASID. By `kernel`: iommu_attach_device_pasid() of the driver that the
       * device has on the host, such as a VFIO variant driver; iommufd does not know of it.
       */
      readonly type: 'AttachPasid';
      readonly device: string;
      readonly pasid: number;
      readonly target: AttachTarget | IoasTarget;
      readonly holder: PasidHolder;
    }
  /** Back to what a PASID without a domain meets: an abort. Nothing happens to one that this holder did not attach. */
  | {
      readonly type: 'DetachPasid';
      readonly device: string;
      readonly pasid: number;
      readonly holder: PasidHolder;
    }
  /** The VMM closes the device: detached, its vDEVICE gone, back to the kernel's DMA domain. */
  | { readonly type: 'ReleaseDevice'; readonly device: string };

/** An IOAS: the kernel attaches to a stage-1 domain of its own making that mirrors it. */
export interface IoasTarget {
  readonly kind: 'ioas';
  readonly id: string;
  /** Name of the domain, should none that fits be there already. */
  readonly automatic: string;
}
