import type { PageFault } from './commands';

export type FaultQueueEvent =
  | { readonly type: 'FaultQueueAllocated'; readonly faultQueue: string; readonly vm: string }
  | ({ readonly type: 'PageFaultQueued' } & PageFault)
  /** The oldest faults were read, and wait for an answer under these cookies. */
  | { readonly type: 'PageFaultsRead'; readonly cookies: readonly number[] }
  | { readonly type: 'PageFaultsAnswered'; readonly answers: readonly PageAnswer[] }
  /** The attachment they came by is gone: all its faults, read or not, were answered with an abort. */
  | { readonly type: 'PageFaultsDropped'; readonly device: string; readonly attachment: number }
  | { readonly type: 'FaultQueueClosed'; readonly faultQueue: string }
  | { readonly type: 'FaultQueueFreed'; readonly faultQueue: string }
  /** `user`: stream of a domain whose page faults go here. */
  | { readonly type: 'FaultQueueJoined'; readonly user: string }
  | { readonly type: 'FaultQueueLeft'; readonly user: string };

/** What a VMM answered to one fault. */
export interface PageAnswer {
  readonly cookie: number;
  readonly device: string;
  /** The STAG. */
  readonly group: number;
  /** The transaction is translated anew; else it aborts. */
  readonly retry: boolean;
}
