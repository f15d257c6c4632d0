import type { Hex } from '../hex';

export type NestedDomainCommand =
  | {
      /** IOMMU_HWPT_ALLOC on a vIOMMU with the guest's vSTE, words 0 and 1. */
      readonly type: 'AllocateNestedDomain';
      readonly domain: string;
      readonly vsmmu: string;
      readonly device: string;
      readonly vste: readonly [Hex, Hex];
    }
  | { readonly type: 'FreeNestedDomain'; readonly domain: string };
