import { REGISTERS, type RegisterName } from '../formats/registers';

/** The identification registers of one SMMU: what it is. All values are unsigned 32-bit. */
export interface SmmuConfiguration {
  readonly idr: readonly [number, number, number, number, number, number];
  readonly iidr: number;
  readonly aidr: number;
}

/** Size in bits of each encoding of IDR5.OAS, CD.IPS and STE.S2PS (IHI 0070 §6.3.6). */
const ADDRESS_SIZES = [32, 36, 40, 42, 44, 48, 52, 56] as const;

/**
 * The features the engine asks about, decoded once from the identification registers (IHI 0070
 * §6.3.1–6.3.6).
 */
export interface Features {
  readonly stage1: boolean;
  readonly stage2: boolean;
  readonly aarch32: boolean;
  readonly aarch64: boolean;
  readonly httu: number;
  readonly hyp: boolean;
  readonly ats: boolean;
  readonly ns1ats: boolean;
  /** ATSRECERR: CR2.REC_CFG_ATS is implemented. */
  readonly atsRecordsErrors: boolean;
  readonly pri: boolean;
  readonly sev: boolean;
  readonly asid16: boolean;
  readonly vmid16: boolean;
  readonly msi: boolean;
  readonly cd2l: boolean;
  /** TTENDIAN: 0 both, 2 little-endian only, 3 big-endian only. */
  readonly ttEndian: number;
  /** STALL_MODEL: 0 both, 1 terminate only, 2 stall only. */
  readonly stallModel: number;
  /** TERM_MODEL=1: CD.A must be 1. */
  readonly abortOnly: boolean;
  readonly twoLevelStreamTable: boolean;
  readonly sidSize: number;
  readonly ssidSize: number;
  readonly cmdqsLog2: number;
  readonly eventqsLog2: number;
  readonly attrPermsOverride: boolean;
  readonly attrTypesOverride: boolean;
  readonly had: boolean;
  readonly xnx: boolean;
  readonly mpam: boolean;
  readonly fwb: boolean;
  readonly smallTables: boolean;
  readonly rangeInvalidation: boolean;
  /** BBML: level of support for changing a block's size without break-before-make, 0 to 2. */
  readonly breakBeforeMakeLevel: number;
  readonly e0pd: boolean;
  readonly epan: boolean;
  readonly dpt: boolean;
  /** PASIDTT: the PASID of a Translated transaction is seen. */
  readonly pasidOnTranslated: boolean;
  /** Output address size in bits; physical addresses beyond it do not exist. */
  readonly oas: number;
  /** Intermediate address size in bits (IHI 0070 §3.4). */
  readonly ias: number;
  /** First byte address beyond the OAS, and beyond the IAS. */
  readonly outputLimit: number;
  readonly intermediateLimit: number;
  readonly granule4K: boolean;
  readonly granule16K: boolean;
  readonly granule64K: boolean;
  /** Largest stage-1 input size in bits for the 64K granule: 48 or 52. */
  readonly va64K: number;
  /** SMMUv3.0, where out-of-range sizes and pointers are CONSTRAINED UNPREDICTABLE. */
  readonly version30: boolean;
}

/**
 * The effective size in bits of an address size encoding, capped to the OAS. Encoding 7 is reserved
 * before SMMUv3.4 and behaves as 6 (IHI 0070 §5.2 S2PS, §5.4 IPS); in SMMUv3.0 both behave as 5.
 */
export function addressSize(encoding: number, features: Features): number {
  const highest = features.version30 ? 5 : 6;
  return Math.min(ADDRESS_SIZES[Math.min(encoding, highest)]!, features.oas);
}

/** Decodes the identification registers. */
export function featuresOf(configuration: SmmuConfiguration): Features {
  const field = (register: RegisterName, value: number, name: string): number =>
    Number(REGISTERS[register].layout.get([BigInt(value >>> 0)], name));
  const idr0 = (name: string): number => field('IDR0', configuration.idr[0], name);
  const idr1 = (name: string): number => field('IDR1', configuration.idr[1], name);
  const idr3 = (name: string): number => field('IDR3', configuration.idr[3], name);
  const idr5 = (name: string): number => field('IDR5', configuration.idr[5], name);
  const oas = ADDRESS_SIZES[Math.min(idr5('OAS'), 6)]!;
  const aarch32 = (idr0('TTF') & 1) === 1;
  const aarch64 = (idr0('TTF') & 2) === 2;
  const ias = Math.max(aarch32 ? 40 : 0, aarch64 ? oas : 0);
  return {
    stage1: idr0('S1P') === 1,
    stage2: idr0('S2P') === 1,
    aarch32,
    aarch64,
    httu: idr0('HTTU'),
    hyp: idr0('HYP') === 1,
    ats: idr0('ATS') === 1,
    ns1ats: idr0('NS1ATS') === 1,
    atsRecordsErrors: idr0('ATSRECERR') === 1,
    pri: idr0('PRI') === 1,
    sev: idr0('SEV') === 1,
    asid16: idr0('ASID16') === 1,
    vmid16: idr0('VMID16') === 1,
    msi: idr0('MSI') === 1,
    cd2l: idr0('CD2L') === 1,
    ttEndian: idr0('TTENDIAN'),
    stallModel: idr0('STALL_MODEL'),
    abortOnly: idr0('TERM_MODEL') === 1,
    twoLevelStreamTable: idr0('ST_LEVEL') === 1,
    sidSize: idr1('SIDSIZE'),
    ssidSize: idr1('SSIDSIZE'),
    cmdqsLog2: idr1('CMDQS'),
    eventqsLog2: idr1('EVENTQS'),
    attrPermsOverride: idr1('ATTR_PERMS_OVR') === 1,
    attrTypesOverride: idr1('ATTR_TYPES_OVR') === 1,
    had: idr3('HAD') === 1,
    xnx: idr3('XNX') === 1,
    mpam: idr3('MPAM') === 1,
    fwb: idr3('FWB') === 1,
    smallTables: idr3('STT') === 1,
    rangeInvalidation: idr3('RIL') === 1,
    breakBeforeMakeLevel: idr3('BBML'),
    e0pd: idr3('E0PD') === 1,
    epan: idr3('EPAN') === 1,
    dpt: idr3('DPT') === 1,
    pasidOnTranslated: idr3('PASIDTT') === 1,
    oas,
    ias,
    outputLimit: 2 ** oas,
    intermediateLimit: 2 ** ias,
    granule4K: idr5('GRAN4K') === 1,
    granule16K: idr5('GRAN16K') === 1,
    granule64K: idr5('GRAN64K') === 1,
    va64K: idr5('VAX') === 0 ? 48 : 52,
    version30: (configuration.aidr & 0xff) === 0,
  };
}
