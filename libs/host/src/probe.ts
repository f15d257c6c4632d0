import { REGISTERS } from '@steward/smmu';
import { ADDRESS_SIZES } from './stage2-geometry';

/** The six identification registers, raw. */
export type IdrWords = readonly [number, number, number, number, number, number];

/** Feature bits set or cleared after the probe, as a test kernel's boot parameters do. Absent: as probed. */
export interface ForcedFeatures {
  readonly nesting?: boolean;
  readonly s2fwb?: boolean;
  readonly ats?: boolean;
  readonly rangeInvalidation?: boolean;
  /** Number of SubstreamID bits, 0 … 20. */
  readonly ssidBits?: number;
}

/** A physical SMMU as the firmware and its identification registers describe it. */
export interface SmmuDescription {
  readonly id: string;
  readonly idr: IdrWords;
  readonly iidr: number;
  readonly aidr: number;
  readonly features?: ForcedFeatures;
}

/** What the driver decided to use of an SMMU. */
export interface Probe {
  readonly stage1: boolean;
  readonly stage2: boolean;
  /** Nested translation may be offered: both stages, and no erratum that forbids it. */
  readonly nesting: boolean;
  readonly s2fwb: boolean;
  readonly ats: boolean;
  readonly rangeInvalidation: boolean;
  readonly twoLevelStreamTable: boolean;
  /** CD tables may have two levels, so that a device's SubstreamIDs need not all have memory. */
  readonly twoLevelCdTable: boolean;
  readonly attrTypesOverride: boolean;
  readonly stalls: boolean;
  /** Every fault stalls (IDR0.STALL_MODEL=2): STEs and CDs must say so. */
  readonly stallForced: boolean;
  /** Translation table walks and queue accesses are coherent with the CPU's caches. */
  readonly coherent: boolean;
  /** An erratum wants a CMD_SYNC in every batch; a vSMMU is not offered then. */
  readonly forceSync: boolean;
  readonly asidBits: 8 | 16;
  readonly vmidBits: 8 | 16;
  /** StreamID and SubstreamID bits. */
  readonly sidBits: number;
  readonly ssidBits: number;
  /** Log2 of the entries the hardware allows in a queue. */
  readonly commandQueueLog2: number;
  readonly eventQueueLog2: number;
  /** Output address size in bits, its IDR5.OAS encoding, and the stage-2 input size in bits. */
  readonly oasBits: number;
  readonly oas: number;
  readonly iasBits: number;
  /** Supported leaf sizes in bytes, ascending. */
  readonly pageSizes: readonly number[];
}

/** The driver refuses to serve this SMMU at all; every device behind it stays without translation. */
export class UnsupportedSmmu extends Error {
  constructor(
    readonly smmu: string,
    /** errno name of the failed probe. */
    readonly errno: 'ENXIO',
    why: string,
  ) {
    super(`${smmu}: ${why}`);
    this.name = 'UnsupportedSmmu';
  }
}

/** log2 of the StreamIDs that one second-level stream table covers (STRTAB_BASE_CFG.SPLIT). */
export const STREAM_TABLE_SPLIT = 8;
/** A command queue must hold more than one batch, so that a CMD_SYNC fits behind it. */
const COMMAND_BATCH_LOG2 = 6;

/** Linux `CTXDESC_LINEAR_CDMAX`. */
const LINEAR_CDS_LOG2 = 10;

const IMPLEMENTER_ARM = 0x43b;
const MMU_600 = 0x483;
const MMU_700 = 0x487;

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * Decides what the driver uses of an SMMU (Linux `arm_smmu_device_hw_probe` and `arm_smmu_device_iidr_probe`).
 * @throws UnsupportedSmmu when the driver's probe fails.
 */
export function probe(description: SmmuDescription): Probe {
  const idr = (n: 0 | 1 | 3 | 5, field: string): number =>
    Number(REGISTERS[`IDR${n}`].layout.get([BigInt(description.idr[n] >>> 0)], field));
  rejectUnsupported(description.id, idr);

  const forced = description.features ?? {};
  const errata = errataOf(description.iidr);
  const stage1 = idr(0, 'S1P') === 1;
  const stage2 = idr(0, 'S2P') === 1;
  const sidBits = idr(1, 'SIDSIZE');
  const oas = Math.min(idr(5, 'OAS'), 6);
  const oasBits = ADDRESS_SIZES[oas]!;
  const aarch32 = (idr(0, 'TTF') & 1) === 1;
  return {
    stage1,
    stage2,
    nesting: forced.nesting ?? (stage1 && stage2 && errata.nesting),
    s2fwb: forced.s2fwb ?? idr(3, 'FWB') === 1,
    ats: forced.ats ?? idr(0, 'ATS') === 1,
    rangeInvalidation: forced.rangeInvalidation ?? idr(3, 'RIL') === 1,
    // Fewer StreamIDs than one second-level table holds are not worth two levels.
    twoLevelStreamTable: idr(0, 'ST_LEVEL') === 1 && sidBits > STREAM_TABLE_SPLIT,
    twoLevelCdTable: idr(0, 'CD2L') === 1,
    attrTypesOverride: idr(1, 'ATTR_TYPES_OVR') === 1,
    stalls: idr(0, 'STALL_MODEL') !== 1,
    stallForced: idr(0, 'STALL_MODEL') === 2,
    coherent: idr(0, 'COHACC') === 1,
    forceSync: errata.forceSync,
    asidBits: idr(0, 'ASID16') === 1 ? 16 : 8,
    vmidBits: idr(0, 'VMID16') === 1 ? 16 : 8,
    sidBits,
    ssidBits: forced.ssidBits ?? idr(1, 'SSIDSIZE'),
    commandQueueLog2: idr(1, 'CMDQS'),
    eventQueueLog2: idr(1, 'EVENTQS'),
    oasBits,
    oas,
    iasBits: aarch32 ? Math.max(40, oasBits) : oasBits,
    pageSizes: pageSizes(idr, oasBits),
  };
}

/**
 * The identification registers of the hardware itself. A feature can only be forced on where the hardware has it, so
 * forcing one on says the firmware or erratum that hid it was wrong; forcing one off only concerns the driver.
 */
export function hardwareIdr(description: SmmuDescription): IdrWords {
  const [idr0, idr1, idr2, idr3, idr4, idr5] = description.idr;
  const { features = {} } = description;
  const set = (n: 0 | 1 | 3, word: number, fields: Record<string, bigint>): number =>
    Number(REGISTERS[`IDR${n}`].layout.encode(fields, [BigInt(word >>> 0)])[0]!);
  const ssidBits = features.ssidBits ?? 0;
  return [
    set(0, idr0, features.ats === true ? { ATS: 1n } : {}),
    set(1, idr1, ssidBits > 0 ? { SSIDSIZE: BigInt(ssidBits) } : {}),
    idr2,
    set(3, idr3, {
      ...(features.s2fwb === true ? { FWB: 1n } : {}),
      ...(features.rangeInvalidation === true ? { RIL: 1n } : {}),
    }),
    idr4,
    idr5,
  ];
}

/** Whether a device's transactions wait when they fault (Linux `arm_smmu_probe_device`, `stall_enabled`). */
export function stallsEnabled(
  canStall: boolean | undefined,
  { stalls, stallForced }: Pick<Probe, 'stalls' | 'stallForced'>,
): boolean {
  return stallForced || (stalls && canStall === true);
}

/** log2 of the SubstreamIDs in use of a device that can send 2^`deviceBits`: a linear CD table holds at most 1024 CDs. */
export function usablePasidBits(
  deviceBits: number | undefined,
  { ssidBits, twoLevelCdTable }: Pick<Probe, 'ssidBits' | 'twoLevelCdTable'>,
): number {
  return Math.min(deviceBits ?? 0, ssidBits, twoLevelCdTable ? 20 : LINEAR_CDS_LOG2);
}

type IdrField = (n: 0 | 1 | 3 | 5, field: string) => number;

function rejectUnsupported(smmu: string, idr: IdrField): void {
  const refuse = (why: string): never => {
    throw new UnsupportedSmmu(smmu, 'ENXIO', why);
  };
  if (idr(0, 'S1P') === 0 && idr(0, 'S2P') === 0) refuse('no translation support');
  if ((idr(0, 'TTF') & 2) === 0) refuse('AArch64 table format not supported');
  const endian = idr(0, 'TTENDIAN');
  if (endian !== 0 && endian !== 2) refuse('little-endian tables not supported');
  for (const preset of ['TABLES_PRESET', 'QUEUES_PRESET', 'REL'] as const) {
    if (idr(1, preset) === 1) refuse(`embedded implementation not supported (${preset})`);
  }
  if (idr(1, 'CMDQS') <= COMMAND_BATCH_LOG2) refuse('command queue too small for one batch');
}

/** Arm errata 1209401 (MMU-600), 2268618 and 2812531 (MMU-700). */
function errataOf(iidr: number): { nesting: boolean; forceSync: boolean } {
  const { layout } = REGISTERS.IIDR;
  const get = (field: string): number => Number(layout.get([BigInt(iidr >>> 0)], field));
  if (get('Implementer') !== IMPLEMENTER_ARM) return { nesting: true, forceSync: false };
  if (get('ProductID') === MMU_600) return { nesting: get('Variant') >= 2, forceSync: false };
  if (get('ProductID') !== MMU_700) return { nesting: true, forceSync: false };
  const early = get('Variant') < 1 || get('Revision') < 1;
  return { nesting: !early, forceSync: early };
}

function pageSizes(idr: IdrField, oasBits: number): number[] {
  const sizes: number[] = [];
  if (idr(5, 'GRAN4K') === 1) sizes.push(4 * KIB, 2 * MIB, GIB);
  if (idr(5, 'GRAN16K') === 1) sizes.push(16 * KIB, 32 * MIB);
  if (idr(5, 'GRAN64K') === 1) sizes.push(64 * KIB, 512 * MIB);
  if (oasBits === 52) sizes.push(4 * 1024 * GIB);
  return sizes.sort((a, b) => a - b);
}
