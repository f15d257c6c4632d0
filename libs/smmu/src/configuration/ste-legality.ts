import { addressSize, type Features } from '../registers/features';
import {
  GRANULE_16K,
  GRANULE_4K,
  GRANULE_64K,
  GRANULE_64K_LPA,
  granuleOfTg0,
  type Granule,
} from '../translation/granule';
import {
  stage2StartLevel,
  stage2StartLevelInconsistent,
  stage2StartLevelInvalid,
} from './stage2-geometry';
import { usesStage1, usesStage2, type SteFields } from './ste-fields';

/** A rule of STE legality. */
export interface SteRule {
  /** The field or feature the rule is about. */
  readonly about: string;
  /** Sentence for people: why the STE is ILLEGAL. */
  readonly why: string;
  readonly illegal: (ste: SteFields, features: Features) => boolean;
}

const LARGEST_PA = 2 ** 52;

function granule(ste: SteFields, features: Features): Granule | undefined {
  return granuleOfTg0(ste.S2TG, features);
}

/** Rules that hold whatever stages are enabled. */
const GENERAL: readonly SteRule[] = [
  {
    about: 'Config',
    why: 'stage 1 is enabled and not implemented',
    illegal: (ste, f) => usesStage1(ste) && !f.stage1,
  },
  {
    about: 'Config',
    why: 'stage 2 is enabled and not implemented',
    illegal: (ste, f) => usesStage2(ste) && !f.stage2,
  },
  {
    about: 'EATS',
    why: 'split-stage ATS needs Config = NESTED, S2S = 0 and IDR0.NS1ATS = 0',
    illegal: (ste, f) =>
      f.ats &&
      (ste.Config & 3) !== 0 &&
      ste.EATS === 2 &&
      (ste.Config !== 0b111 || ste.S2S === 1 || f.ns1ats),
  },
  {
    about: 'EATS',
    why: 'full ATS excludes stalling at stage 2',
    illegal: (ste, f) => f.ats && usesStage2(ste) && ste.EATS === 1 && ste.S2S === 1,
  },
  {
    about: 'STRW',
    why: 'the StreamWorld is reserved',
    illegal: (ste, f) => strwIsUsed(ste, f) && (ste.STRW & 1) === 1,
  },
  {
    about: 'S2VMID',
    why: 'VMIDs have 8 bits',
    illegal: (ste, f) => vmidIsUsed(ste, f) && !f.vmid16 && ste.S2VMID > 0xff,
  },
];

const STAGE1: readonly SteRule[] = [
  {
    about: 'S1STALLD',
    why: 'the stall model is not configurable',
    illegal: (ste, f) => ste.S1STALLD === 1 && f.stallModel !== 0,
  },
  {
    about: 'S1CDMax',
    why: 'S1CDMax exceeds IDR1.SSIDSIZE',
    illegal: (ste, f) => f.ssidSize !== 0 && ste.S1CDMax > f.ssidSize,
  },
  {
    about: 'S1Fmt',
    why: 'two-level CD tables are not implemented',
    illegal: (ste, f) =>
      f.ssidSize !== 0 && ste.S1CDMax !== 0 && !f.cd2l && (ste.S1Fmt === 1 || ste.S1Fmt === 2),
  },
  {
    // With stage 2, either this or a stage-2 fault is permitted (IHI 0070 §3.4.3); this model
    // always refuses the STE.
    about: 'S1ContextPtr',
    why: 'the pointer is beyond the address size',
    illegal: (ste, f) => ste.S1ContextPtr >= 2 ** (usesStage2(ste) ? f.ias : f.oas),
  },
];

const STAGE2: readonly SteRule[] = [
  {
    about: 'S2S',
    why: 'the SMMU cannot stall',
    illegal: (ste, f) => ste.S2S === 1 && f.stallModel === 1,
  },
  {
    about: 'S2S',
    why: 'the SMMU can only stall',
    illegal: (ste, f) => ste.S2S === 0 && f.stallModel === 2,
  },
  {
    about: 'S2AA64',
    why: 'the table format is not implemented',
    illegal: (ste, f) => (ste.S2AA64 === 1 ? !f.aarch64 : !f.aarch32),
  },
  {
    about: 'S2FWB',
    why: 'forced write-back excludes VMSAv8-32 tables',
    illegal: (ste, f) => f.fwb && ste.S2FWB === 1 && ste.S2AA64 === 0,
  },
  {
    about: 'S2HA, S2HD',
    why: 'hardware update of Access flag or dirty state is not implemented',
    illegal: (ste, f) =>
      ((ste.S2HA === 1 || ste.S2HD === 1) && f.httu === 0) || (ste.S2HD === 1 && f.httu === 1),
  },
  {
    about: 'S2TG',
    why: 'the granule is reserved or not implemented',
    illegal: (ste, f) => granule(ste, f) === undefined,
  },
  {
    about: 'S2TTB',
    why: 'the table base is beyond the effective S2PS',
    illegal: (ste, f) => ste.S2TTB % LARGEST_PA >= 2 ** tableBaseBits(ste, f),
  },
  {
    about: 'S2T0SZ',
    why: 'the input size is out of range',
    illegal: (ste, f) => ste.S2T0SZ < smallestS2T0sz(ste, f) || ste.S2T0SZ > largestTxsz(ste, f),
  },
  {
    about: 'S2SL0',
    why: 'the start level is reserved or inconsistent with S2T0SZ and S2TG',
    illegal: (ste, f) => startLevelIllegal(ste, f),
  },
  {
    about: 'S2ENDI',
    why: 'the endianness is not implemented',
    illegal: (ste, f) =>
      (f.ttEndian === 2 && ste.S2ENDI === 1) || (f.ttEndian === 3 && ste.S2ENDI === 0),
  },
];

/**
 * Why an STE is ILLEGAL, or undefined when it is not (IHI 0070 §5.2.2 SteIllegal, for a Non-secure
 * STE). An STE with V=0 is ILLEGAL; one whose Config disables the stream never is.
 */
export function steIllegality(ste: SteFields, features: Features): SteRule | undefined {
  if (ste.V === 0) return INVALID;
  if ((ste.Config & 0b100) === 0) return undefined;
  const broken = (rule: SteRule): boolean => rule.illegal(ste, features);
  return (
    GENERAL.find(broken) ??
    (usesStage1(ste) ? STAGE1.find(broken) : undefined) ??
    (usesStage2(ste) ? STAGE2.find(broken) : undefined)
  );
}

const INVALID: SteRule = { about: 'V', why: 'the STE is not valid', illegal: (ste) => ste.V === 0 };

/**
 * STRW selects the StreamWorld only for stage 1 alone, with EL2 implemented (IHI 0070 §5.2 STRW).
 */
export function strwIsUsed(ste: SteFields, features: Features): boolean {
  return features.stage1 && features.hyp && ste.Config === 0b101;
}

/** S2VMID tags what the stream inserts into the TLB (IHI 0070 §5.2 S2VMID). */
export function vmidIsUsed(ste: SteFields, features: Features): boolean {
  if (!features.stage2 || (ste.Config & 3) === 0) return false;
  return !(strwIsUsed(ste, features) && ste.STRW !== 0);
}

function tableBaseBits(ste: SteFields, features: Features): number {
  const output = addressSize(ste.S2PS, features);
  return isSmallGranule(granule(ste, features)) ? Math.min(48, output) : output;
}

function isSmallGranule(g: Granule | undefined): boolean {
  return g === GRANULE_4K || g === GRANULE_16K;
}

function smallestS2T0sz(ste: SteFields, features: Features): number {
  if (features.version30) return 64 - features.ias;
  return Math.max(isSmallGranule(granule(ste, features)) ? 16 : 12, 64 - features.ias);
}

function largestTxsz(ste: SteFields, features: Features): number {
  if (!features.smallTables) return 39;
  const g = granule(ste, features);
  return g === GRANULE_64K || g === GRANULE_64K_LPA ? 47 : 48;
}

function startLevelIllegal(ste: SteFields, features: Features): boolean {
  const g = granule(ste, features);
  if (g === undefined || stage2StartLevelInvalid(ste.S2SL0, g, features)) return true;
  const startLevel = stage2StartLevel(ste.S2SL0, g, features)!;
  return stage2StartLevelInconsistent(64 - ste.S2T0SZ, startLevel, g);
}
