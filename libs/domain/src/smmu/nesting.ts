import type { SmmuState } from './state';

/**
 * Why no guest may translate through this SMMU for a device, or undefined (Linux `arm_smmu_get_viommu_size`): both stages
 * must be there and free of errata, and a guest must not be able to bypass the caches that the host does not maintain.
 */
export function whyNoNesting(
  smmu: SmmuState | undefined,
  device: { readonly canwbs: boolean },
): string | undefined {
  if (!smmu?.probe.nesting) return 'does not nest';
  if (smmu.probe.forceSync) return 'has an erratum that wants a CMD_SYNC in every batch';
  if (!device.canwbs && !smmu.probe.s2fwb) return 'cannot keep the device from bypassing caches';
  return undefined;
}
