export type FaultQueueEvent =
  | { readonly type: 'FaultQueueAllocated'; readonly faultQueue: string; readonly vm: string }
  | { readonly type: 'FaultQueueClosed'; readonly faultQueue: string }
  | { readonly type: 'FaultQueueFreed'; readonly faultQueue: string }
  /** `user`: stream of a domain whose page faults go here. */
  | { readonly type: 'FaultQueueJoined'; readonly user: string }
  | { readonly type: 'FaultQueueLeft'; readonly user: string };
