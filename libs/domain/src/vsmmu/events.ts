import type { Hex } from '../hex';
import type { VirtualId } from './virtual-id';

/** Registers of the guest's view that its driver writes; the queues' indices among them. */
export type GuestRegister =
  | 'CR0'
  | 'CR1'
  | 'CR2'
  | 'GBPA'
  | 'IRQ_CTRL'
  | 'GERROR'
  | 'GERRORN'
  | 'STRTAB_BASE'
  | 'STRTAB_BASE_CFG'
  | 'CMDQ_BASE'
  | 'CMDQ_PROD'
  | 'CMDQ_CONS'
  | 'EVENTQ_BASE'
  | 'EVENTQ_PROD'
  | 'EVENTQ_CONS'
  | 'GERROR_IRQ_CFG0'
  | 'GERROR_IRQ_CFG1'
  | 'GERROR_IRQ_CFG2'
  | 'EVENTQ_IRQ_CFG0'
  | 'EVENTQ_IRQ_CFG1'
  | 'EVENTQ_IRQ_CFG2';

export type VsmmuEvent =
  | {
      readonly type: 'VsmmuCreated';
      readonly vsmmu: string;
      readonly vm: string;
      readonly parent: string;
      readonly smmu: string;
      readonly vmid: number;
      /** IDR0–IDR5 as the guest reads them. */
      readonly idr: readonly Hex[];
    }
  | {
      readonly type: 'VdeviceAllocated';
      readonly vsmmu: string;
      readonly device: string;
      readonly vsid: VirtualId;
    }
  | {
      readonly type: 'VdeviceFreed';
      readonly vsmmu: string;
      readonly device: string;
      readonly vsid: VirtualId;
    }
  | {
      /** A nested domain or vEVENTQ was made on it. */
      readonly type: 'VsmmuJoined';
      /** Stream of the object. */
      readonly user: string;
      /** Of a vEVENTQ: its type, of which a vSMMU has one queue each. */
      readonly queueType?: number;
    }
  | { readonly type: 'VsmmuLeft'; readonly user: string }
  | { readonly type: 'VsmmuFreed'; readonly vsmmu: string }
  | {
      readonly type: 'VsmmuRegisterWritten';
      readonly vsmmu: string;
      readonly register: GuestRegister;
      readonly value: Hex;
    }
  | {
      /** The guest stored `count` commands (two words each in `words`) and moved CMDQ_PROD. */
      readonly type: 'GuestCommandsQueued';
      readonly vsmmu: string;
      readonly count: number;
      readonly words: BigUint64Array;
    }
  | {
      /** HWPT_INVALIDATE on the vIOMMU: `words` are the guest's commands as the VMM passed them. */
      readonly type: 'GuestInvalidationsForwarded';
      readonly vsmmu: string;
      readonly count: number;
      readonly words: BigUint64Array;
    }
  | {
      /** The VMM consumed the guest's queue up to `cons` (index and wrap bit). */
      readonly type: 'GuestCommandsCompleted';
      readonly vsmmu: string;
      readonly cons: number;
      readonly error?: 'CERROR_ILL';
    }
  | {
      /** The VMM put one 32-byte record (4 words) into the guest's event queue. */
      readonly type: 'GuestEventRecorded';
      readonly vsmmu: string;
      readonly words: BigUint64Array;
    };
