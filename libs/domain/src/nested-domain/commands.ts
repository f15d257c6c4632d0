import type { Hex } from '../hex';

export type NestedDomainCommand =
  | {
      /**
       * IOMMU_HWPT_ALLOC with the guest's vSTE, words 0 and 1, on a vIOMMU or on a nest parent: one of the two, and
       * which of them the host's policy says.
       */
      readonly type: 'AllocateNestedDomain';
      readonly domain: string;
      readonly vsmmu?: string;
      readonly parent?: string;
      readonly device: string;
      readonly vste: readonly [Hex, Hex];
      readonly faultQueue?: string;
    }
  | { readonly type: 'FreeNestedDomain'; readonly domain: string };
