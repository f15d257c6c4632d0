import { bit, bits } from './bits';

/** What the identification registers say of an SMMU (IHI 0070 §6.3.1–6.3.6), as far as translation asks. */
export interface Implementation {
  readonly stage1: boolean;
  readonly stage2: boolean;
  /** 0 none, 1 Access flag, 2 Access flag and dirty state. */
  readonly httu: number;
  readonly hyp: boolean;
  readonly ats: boolean;
  readonly ns1ats: boolean;
  readonly asid16: boolean;
  readonly vmid16: boolean;
  readonly cd2l: boolean;
  /** 0 both, 2 little-endian only, 3 big-endian only. */
  readonly ttEndian: number;
  /** 0 both, 1 terminate only, 2 stall only. */
  readonly stallModel: number;
  readonly abortOnly: boolean;
  readonly twoLevelStreamTable: boolean;
  readonly sidSize: number;
  readonly ssidSize: number;
  /** ATSRECERR: CR2.REC_CFG_ATS has an effect (§6.3.12). */
  readonly recordsAts: boolean;
  readonly permissionOverrides: boolean;
  readonly typeOverrides: boolean;
  readonly had: boolean;
  readonly xnx: boolean;
  readonly fwb: boolean;
  readonly smallTables: boolean;
  readonly e0pd: boolean;
  readonly ptwnnc: boolean;
  readonly va52: boolean;
  /** Bits of a physical address; without AArch32 tables also of an intermediate one (§3.4). */
  readonly oas: number;
  /** Page shifts of the granules that there are. */
  readonly granules: readonly number[];
}

/** Bits of address of each encoding of IDR5.OAS, CD.IPS and STE.S2PS. */
export const ADDRESS_SIZE = [32, 36, 40, 42, 44, 48, 52, 56] as const;

export function implementationOf(idr: readonly number[]): Implementation {
  const [idr0, idr1, , idr3, , idr5] = idr.map((value) => BigInt(value >>> 0)) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return {
    stage2: bit(idr0, 0),
    stage1: bit(idr0, 1),
    httu: bits(idr0, 7, 6),
    hyp: bit(idr0, 9),
    ats: bit(idr0, 10),
    ns1ats: bit(idr0, 11),
    asid16: bit(idr0, 12),
    vmid16: bit(idr0, 18),
    cd2l: bit(idr0, 19),
    ttEndian: bits(idr0, 22, 21),
    stallModel: bits(idr0, 25, 24),
    abortOnly: bit(idr0, 26),
    recordsAts: bit(idr0, 23),
    twoLevelStreamTable: bits(idr0, 28, 27) === 1,
    sidSize: bits(idr1, 5, 0),
    ssidSize: bits(idr1, 10, 6),
    permissionOverrides: bit(idr1, 26),
    typeOverrides: bit(idr1, 27),
    had: bit(idr3, 2),
    xnx: bit(idr3, 4),
    fwb: bit(idr3, 8),
    smallTables: bit(idr3, 9),
    e0pd: bit(idr3, 13),
    ptwnnc: bit(idr3, 14),
    va52: bits(idr5, 11, 10) !== 0,
    oas: ADDRESS_SIZE[bits(idr5, 2, 0)]!,
    granules: [12, 14, 16].filter((_, i) => bit(idr5, 4 + i)),
  };
}
