import { STE, STE_CONFIG } from '@steward/smmu';
import type { SteWords } from './entry-update';
import type { VsteWords } from './vste-rules';

/** What stage 2 contributes to an STE: the identity and shape of a stage-2 table. */
export interface Stage2Configuration {
  /** 1 … 2^vmidBits-1. VMID 0 is kept for STEs with a kernel CD table. */
  readonly vmid: number;
  /** Physical byte address of the start-level table. */
  readonly ttb: number;
  /** 64 minus the IPA size in bits. */
  readonly t0sz: number;
  /** Encoded start level, VMSAv8-64 with a 4K granule: 0 level 2, 1 level 1, 2 level 0. */
  readonly sl0: number;
  /** Encoded output size, as IDR5.OAS. */
  readonly ps: number;
  /** The table's attributes are in the forced write-back scheme. */
  readonly s2fwb: boolean;
  /** S2S: faults of stage 2 stall. */
  readonly stalls: boolean;
}

/** What a device's CD table contributes to its STE. */
export interface CdTableConfiguration {
  /** Physical byte address of the table, or of its first level. */
  readonly base: number;
  /** S1Fmt: whether there is a second level, with leaves of 1024 CDs in 64 KiB. */
  readonly format: 'linear' | 'two-level';
  /** log2 of the CDs, 0 … 20. */
  readonly cdMax: number;
}

/** What an STE shall do, in the terms the driver decides in. */
export type SteTarget =
  | { readonly kind: 'abort' }
  | { readonly kind: 'bypass' }
  | {
      readonly kind: 's1';
      readonly cdTable: CdTableConfiguration;
      /** What traffic without a SubstreamID meets: CD 0, or an abort while only PASIDs have a domain. */
      readonly withoutSsid: 'ssid0' | 'terminate';
      readonly ats: boolean;
      /** The SMMU may stall and this device must not. */
      readonly stallDisabled: boolean;
    }
  | { readonly kind: 's2'; readonly stage2: Stage2Configuration; readonly ats: boolean }
  | {
      readonly kind: 'nested';
      readonly stage2: Stage2Configuration;
      readonly ats: boolean;
      /** Accepted by `validateVste`, so without EATS. */
      readonly vste: VsteWords;
      /** STE.MEV: a guest can make its device fault endlessly; merged events keep the shared queue usable. */
      readonly mergedEvents: boolean;
    };

const CONFIG_MASK = STE.mask('Config')[0]!;
const INNER_SHAREABLE = 3n;
const WRITE_BACK = 1n;
const SHCFG_INCOMING = 1n;
const S1DSS = { terminate: 0n, ssid0: 2n } as const;
const S1FMT = { linear: 0n, 'two-level': 2n } as const;

/**
 * The eight words of a physical STE (Linux `arm_smmu_make_*_ste`).
 *
 * A nested STE takes S1Fmt, S1ContextPtr, S1CDMax, S1DSS, S1CIR, S1COR, S1CSH and S1STALLD from the guest, everything
 * else from the host. A bypass vSTE gives the parent's own stage-2 STE, an abort or invalid one the abort STE.
 * @param attrTypesOverride IDR1.ATTR_TYPES_OVR: SHCFG is writable and asks for the incoming shareability.
 */
export function composeSte(target: SteTarget, attrTypesOverride = false): SteWords {
  const shcfg = attrTypesOverride ? SHCFG_INCOMING : 0n;
  switch (target.kind) {
    case 'abort':
      return STE.encode({ V: 1n, Config: STE_CONFIG.ABORT });
    case 'bypass':
      return STE.encode({ V: 1n, Config: STE_CONFIG.BYPASS, SHCFG: shcfg });
    case 's1':
      return STE.encode({
        V: 1n,
        Config: STE_CONFIG.S1,
        S1Fmt: S1FMT[target.cdTable.format],
        S1ContextPtr: BigInt(target.cdTable.base),
        S1CDMax: BigInt(target.cdTable.cdMax),
        S1DSS: S1DSS[target.withoutSsid],
        S1CIR: WRITE_BACK,
        S1COR: WRITE_BACK,
        S1CSH: INNER_SHAREABLE,
        S1STALLD: target.stallDisabled ? 1n : 0n,
        EATS: target.ats ? 1n : 0n,
      });
    case 's2':
      return stage2Ste(target.stage2, target.ats, shcfg);
    case 'nested':
      return nestedSte(target, shcfg);
  }
}

function nestedSte(target: Extract<SteTarget, { kind: 'nested' }>, shcfg: bigint): SteWords {
  const { vste } = target;
  switch (STE.get(vste, 'V') === 1n ? STE.get(vste, 'Config') : STE_CONFIG.ABORT) {
    case STE_CONFIG.S1: {
      const ste = [...stage2Ste(target.stage2, target.ats, shcfg)];
      ste[0] = STE.encode({ V: 1n, Config: STE_CONFIG.NESTED })[0]! | (vste[0] & ~CONFIG_MASK);
      ste[1]! |= vste[1];
      return STE.encode({ MEV: target.mergedEvents ? 1n : 0n }, ste);
    }
    case STE_CONFIG.BYPASS:
      return stage2Ste(target.stage2, target.ats, shcfg);
    default:
      return composeSte({ kind: 'abort' });
  }
}

function stage2Ste(stage2: Stage2Configuration, ats: boolean, shcfg: bigint): SteWords {
  return STE.encode({
    V: 1n,
    Config: STE_CONFIG.S2,
    EATS: ats ? 1n : 0n,
    S2FWB: stage2.s2fwb ? 1n : 0n,
    SHCFG: shcfg,
    S2VMID: BigInt(stage2.vmid),
    S2T0SZ: BigInt(stage2.t0sz),
    S2SL0: BigInt(stage2.sl0),
    S2IR0: WRITE_BACK,
    S2OR0: WRITE_BACK,
    S2SH0: INNER_SHAREABLE,
    S2TG: 0n,
    S2PS: BigInt(stage2.ps),
    S2AA64: 1n,
    S2PTW: 1n,
    S2S: stage2.stalls ? 1n : 0n,
    S2R: 1n,
    S2TTB: BigInt(stage2.ttb),
  });
}
