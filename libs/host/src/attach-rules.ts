import type { PolicyRules } from './policy';

/** What of a device and a domain decides whether they fit. */
export interface AttachQuestion {
  /** The domain is another SMMU's. */
  readonly otherSmmu: boolean;
  /** Domains attached to PASIDs of the device, PASID 0 not counted. */
  readonly pasids: number;
  readonly domain: 'stage2' | 'nested';
}

/**
 * Why the driver does not attach, before it looks at anything else; undefined when it does (Linux
 * `arm_smmu_attach_dev`, `arm_smmu_attach_dev_nested`). An STE without a CD table has no place for PASIDs.
 */
export function whyNotAttach(
  { otherSmmu, pasids, domain }: AttachQuestion,
  rules: Pick<PolicyRules, 'pasidsInUse'>,
): { readonly errno: 'EINVAL' | 'EBUSY'; readonly why: string } | undefined {
  if (otherSmmu) return { errno: 'EINVAL', why: 'the domain belongs to another SMMU' };
  if (pasids === 0) return undefined;
  const errno = domain === 'nested' ? rules.pasidsInUse : 'EBUSY';
  return { errno, why: `${pasids} PASIDs of the device are attached` };
}
