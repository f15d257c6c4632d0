import type { Hex } from '../hex';
import type { GuestRegister } from './events';
import type { VirtualId } from './virtual-id';

export type VsmmuCommand =
  | {
      /** IOMMU_VIOMMU_ALLOC on a nest parent, with the ID registers the VMM shows its guest. */
      readonly type: 'CreateVsmmu';
      readonly vsmmu: string;
      readonly parent: string;
      readonly device: string;
      readonly idr: readonly Hex[];
    }
  /** IOMMU_VDEVICE_ALLOC with virt_id = vSID. */
  | {
      readonly type: 'AllocateVdevice';
      readonly vsmmu: string;
      readonly device: string;
      readonly vsid: VirtualId;
    }
  | { readonly type: 'FreeVdevice'; readonly vsmmu: string; readonly device: string }
  | { readonly type: 'FreeVsmmu'; readonly vsmmu: string }
  | {
      readonly type: 'WriteGuestRegister';
      readonly vsmmu: string;
      readonly register: GuestRegister;
      readonly value: Hex;
    }
  | {
      readonly type: 'QueueGuestCommands';
      readonly vsmmu: string;
      readonly words: BigUint64Array;
    }
  | {
      readonly type: 'ForwardInvalidations';
      readonly vsmmu: string;
      readonly words: BigUint64Array;
    }
  | {
      readonly type: 'CompleteGuestCommands';
      readonly vsmmu: string;
      readonly cons: number;
      readonly error?: 'CERROR_ILL';
    }
  | {
      readonly type: 'RecordGuestEvent';
      readonly vsmmu: string;
      readonly words: BigUint64Array;
    };
