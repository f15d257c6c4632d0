import { REGISTERS } from '@steward/smmu';

/** Feature bits of the driver that decisions depend on (arm-smmu-v3.c, arm_smmu_device_hw_probe). */
export interface SmmuFeatures {
  /** Both stages: nested domains are possible. */
  readonly nesting: boolean;
  /** IDR3.FWB: stage 2 can force write-back. */
  readonly s2fwb: boolean;
  readonly ats: boolean;
  /** IDR3.RIL: range invalidation. */
  readonly rangeInvalidation: boolean;
  readonly vmidBits: 8 | 16;
  /** Width of a StreamID, IDR1.SIDSIZE. */
  readonly streamIdBits: number;
}

/** Switches that override what the ID registers say, as a kernel command line or a scenario may. */
export type FeatureSwitches = Partial<
  Pick<SmmuFeatures, 'nesting' | 's2fwb' | 'ats' | 'rangeInvalidation'>
>;

/** Reads the features from IDR0, IDR1 and IDR3 (IHI 0070 §6.3.1–6.3.4). */
export function featuresOf(idr: readonly bigint[], switches: FeatureSwitches = {}): SmmuFeatures {
  const idr0 = REGISTERS.IDR0.layout.decode([idr[0] ?? 0n]).values;
  const idr1 = REGISTERS.IDR1.layout.decode([idr[1] ?? 0n]).values;
  const idr3 = REGISTERS.IDR3.layout.decode([idr[3] ?? 0n]).values;
  return {
    nesting: idr0.S1P === 1n && idr0.S2P === 1n,
    s2fwb: idr3.FWB === 1n,
    ats: idr0.ATS === 1n,
    rangeInvalidation: idr3.RIL === 1n,
    vmidBits: idr0.VMID16 === 1n ? 16 : 8,
    streamIdBits: Number(idr1.SIDSIZE),
    ...switches,
  };
}

/** Whether the SMMU has a stage at all; the driver refuses one that has none (-ENXIO). */
export function hasTranslation(idr: readonly bigint[]): boolean {
  const idr0 = REGISTERS.IDR0.layout.decode([idr[0] ?? 0n]).values;
  return idr0.S1P === 1n || idr0.S2P === 1n;
}
