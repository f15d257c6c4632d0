import { POLICY_RULES } from '@steward/host';
import type { PolicyRules } from '@steward/host';
import type { Context } from '../aggregates';
import { invariant } from '../decision';

/** The rules that the driver of an SMMU goes by: those of its host's policy. */
export function rulesOf(smmu: string, context: Context): PolicyRules {
  const host = context.get('host', context.get('smmu', smmu)?.host ?? '');
  invariant(host !== undefined, `no host of SMMU ${smmu}`);
  return POLICY_RULES[host.policy];
}
