import type { AttachTarget } from './events';

export type DeviceCommand =
  | {
      readonly type: 'AddDevice';
      readonly device: string;
      readonly smmu: string;
      readonly streamIds: readonly number[];
      /** IORT root complex flag: coherent even with No_snoop. */
      readonly canwbs: boolean;
      readonly ats: boolean;
    }
  /** VFIO_DEVICE_BIND_IOMMUFD for the VMM of `vm`. */
  | { readonly type: 'BindDevice'; readonly device: string; readonly vm: string }
  /** VFIO_DEVICE_ATTACH_IOMMUFD_PT: attach, or replace when attached. */
  | { readonly type: 'AttachDevice'; readonly device: string; readonly target: AttachTarget }
  /** VFIO_DEVICE_DETACH_IOMMUFD_PT: back to the blocked domain. */
  | { readonly type: 'DetachDevice'; readonly device: string };
