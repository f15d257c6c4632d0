import type { Hex } from '../hex';

export type NestedDomainEvent =
  | {
      readonly type: 'NestedDomainAllocated';
      readonly domain: string;
      /** Absent where the policy puts nested domains on their parents. */
      readonly vsmmu?: string;
      readonly parent: string;
      /** As the driver keeps it: zero when V=0, if the policy says so. */
      readonly vste: readonly [Hex, Hex];
      readonly faultQueue?: string;
    }
  | { readonly type: 'NestedDomainFreed'; readonly domain: string }
  | { readonly type: 'NestedDomainJoined'; readonly device: string }
  | { readonly type: 'NestedDomainLeft'; readonly device: string };
