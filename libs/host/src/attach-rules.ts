import type { PolicyRules } from './policy';

/** What of a device and a domain decides whether they fit. */
export interface AttachQuestion {
  /** The domain is another SMMU's. */
  readonly otherSmmu: boolean;
  /** Domains attached to PASIDs of the device, PASID 0 not counted. */
  readonly pasids: number;
  readonly domain: 'stage1' | 'stage2' | 'nested';
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
  if (pasids === 0 || domain === 'stage1') return undefined;
  const errno = domain === 'nested' ? rules.pasidsInUse : 'EBUSY';
  return { errno, why: `${pasids} PASIDs of the device are attached` };
}

/** What of a device and a domain decides whether a PASID of the one can be attached to the other. */
export interface PasidQuestion {
  readonly otherSmmu: boolean;
  /** What the device's traffic without a PASID is on. */
  readonly without: 'blocked' | AttachQuestion['domain'];
}

/** Why the driver does not attach a PASID (Linux `arm_smmu_set_pasid`): there must be a CD table, or room for one. */
export function whyNotAttachPasid({
  otherSmmu,
  without,
}: PasidQuestion): { readonly errno: 'EINVAL'; readonly why: string } | undefined {
  if (otherSmmu) return { errno: 'EINVAL', why: 'the domain belongs to another SMMU' };
  if (without === 'blocked' || without === 'stage1') return undefined;
  return { errno: 'EINVAL', why: 'the STE of the device has no CD table of the kernel’s own' };
}
