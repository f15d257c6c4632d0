import { commandName } from '@steward/smmu';
import type { CommandName } from '@steward/smmu';

/** Guest commands that the kernel converts and issues for the VMM, and by what it names their target. */
const FORWARDABLE: Partial<Record<CommandName, 'vmid' | 'stream-id'>> = {
  TLBI_NSNH_ALL: 'vmid',
  TLBI_NH_ALL: 'vmid',
  TLBI_NH_ASID: 'vmid',
  TLBI_NH_VA: 'vmid',
  TLBI_NH_VAA: 'vmid',
  CFGI_CD: 'stream-id',
  CFGI_CD_ALL: 'stream-id',
  ATC_INV: 'stream-id',
};

/**
 * How a guest command is addressed when the kernel takes it (arm-smmu-v3-iommufd.c,
 * arm_vsmmu_convert_user_cmd); undefined for everything it refuses with -EIO.
 */
export function forwardable(words: readonly [bigint, bigint]): 'vmid' | 'stream-id' | undefined {
  const name = commandName(words);
  return name === undefined ? undefined : FORWARDABLE[name];
}

/** StreamID field of CFGI_CD, CFGI_CD_ALL and ATC_INV: word 0 bits [63:32] (IHI 0070 §4.3, §4.5). */
export function streamIdOf(words: readonly [bigint, bigint]): number {
  return Number(words[0] >> 32n);
}
