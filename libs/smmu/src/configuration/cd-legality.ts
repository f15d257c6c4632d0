import { STREAM_WORLD, type StreamWorld } from '../cache/stream-world';
import { addressSize, type Features } from '../registers/features';
import {
  GRANULE_16K,
  GRANULE_4K,
  granuleOfTg0,
  granuleOfTg1,
  type Granule,
} from '../translation/granule';
import type { CdFields } from './cd-fields';

/** What of the STE a CD's legality depends on (IHI 0070 §5.4.1). */
export interface CdOwner {
  readonly world: StreamWorld;
  readonly stallDisabled: boolean;
  /** Stage 2 translates with VMSAv8-32 tables. */
  readonly stage2Aarch32: boolean;
}

/** A rule of CD legality. */
export interface CdRule {
  /** The field the rule is about. */
  readonly about: string;
  /** Sentence for people: why the CD is ILLEGAL. */
  readonly why: string;
  readonly illegal: (cd: CdFields, features: Features, owner: CdOwner) => boolean;
}

/** One translation table of a CD. EL2 without E2H has only the first, and cannot disable it. */
interface Half {
  readonly disabled: boolean;
  readonly txsz: number;
  readonly granule: Granule | undefined;
  readonly ttb: number;
}

const LARGEST_PA = 2 ** 52;

/** Whether walks through a TTB are disabled (IHI 0070 §5.4 EPD0: the bit is IGNORED in EL2). */
export function walksDisabled(epd: number, world: StreamWorld): boolean {
  return world !== STREAM_WORLD.EL2 && epd === 1;
}

function halves(cd: CdFields, features: Features, owner: CdOwner): Half[] {
  const first: Half = {
    disabled: walksDisabled(cd.EPD0, owner.world),
    txsz: cd.T0SZ,
    granule: granuleOfTg0(cd.TG0, features),
    ttb: cd.TTB0,
  };
  if (owner.world === STREAM_WORLD.EL2) return [first];
  const second: Half = {
    disabled: walksDisabled(cd.EPD1, owner.world),
    txsz: cd.T1SZ,
    granule: granuleOfTg1(cd.TG1, features),
    ttb: cd.TTB1,
  };
  return [first, second];
}

const anyEnabledHalf =
  (illegal: (half: Half, cd: CdFields, features: Features) => boolean): CdRule['illegal'] =>
  (cd, features, owner) =>
    halves(cd, features, owner).some((half) => !half.disabled && illegal(half, cd, features));

/** The rules, in no particular order: any one makes the CD ILLEGAL (IHI 0070 §5.4.2 CdIllegal). */
const RULES: readonly CdRule[] = [
  { about: 'V', why: 'the CD is not valid', illegal: (cd) => cd.V === 0 },
  {
    about: 'S',
    why: 'the STE disables stalls',
    illegal: (cd, _features, owner) => owner.stallDisabled && cd.S === 1,
  },
  {
    about: 'A',
    why: 'the SMMU can only abort',
    illegal: (cd, f) => f.abortOnly && cd.A === 0,
  },
  {
    about: 'S',
    why: 'the SMMU cannot stall',
    illegal: (cd, f) => f.stallModel === 1 && cd.S === 1,
  },
  {
    about: 'S',
    why: 'the SMMU can only stall',
    illegal: (cd, f) => f.stallModel === 2 && cd.S === 0,
  },
  {
    about: 'ENDI',
    why: 'the endianness is not implemented',
    illegal: anyEnabledHalf(
      (_half, cd, f) => (f.ttEndian === 2 && cd.ENDI === 1) || (f.ttEndian === 3 && cd.ENDI === 0),
    ),
  },
  {
    about: 'AA64',
    why: 'the table format is not implemented for this stream',
    illegal: (cd, f, owner) =>
      cd.AA64 === 1
        ? !f.aarch64 || owner.stage2Aarch32
        : !f.aarch32 || owner.world === STREAM_WORLD.EL2_E2H,
  },
  {
    about: 'HA, HD',
    why: 'hardware update of Access flag or dirty state is not implemented',
    illegal: (cd, f) =>
      ((cd.HA === 1 || cd.HD === 1) && f.httu === 0) || (cd.HD === 1 && f.httu === 1),
  },
  {
    about: 'ASID',
    why: 'ASIDs have 8 bits',
    illegal: (cd, f, owner) => owner.world !== STREAM_WORLD.EL2 && !f.asid16 && cd.ASID > 0xff,
  },
  {
    about: 'TGx',
    why: 'the granule is reserved or not implemented',
    illegal: anyEnabledHalf((half) => half.granule === undefined),
  },
  {
    about: 'TxSZ',
    why: 'the input size is out of range',
    illegal: anyEnabledHalf(
      (half, _cd, f) => half.txsz < smallestTxsz(half, f) || half.txsz > largestTxsz(half, f),
    ),
  },
  {
    about: 'TTBx',
    why: 'the table base is beyond the effective IPS',
    illegal: anyEnabledHalf(
      (half, cd, f) => half.ttb % LARGEST_PA >= 2 ** tableBaseBits(half, cd, f),
    ),
  },
];

/** Why a CD is ILLEGAL, or undefined when it is not. Fields of a half with EPDx=1 are IGNORED. */
export function cdIllegality(cd: CdFields, features: Features, owner: CdOwner): CdRule | undefined {
  return RULES.find((rule) => rule.illegal(cd, features, owner));
}

function isSmall(granule: Granule | undefined): boolean {
  return granule === GRANULE_4K || granule === GRANULE_16K;
}

function smallestTxsz(half: Half, features: Features): number {
  return isSmall(half.granule) ? 16 : 64 - features.va64K;
}

function largestTxsz(half: Half, features: Features): number {
  if (!features.smallTables) return 39;
  return isSmall(half.granule) ? 48 : 47;
}

function tableBaseBits(half: Half, cd: CdFields, features: Features): number {
  const output = addressSize(cd.IPS, features);
  return isSmall(half.granule) ? Math.min(48, output) : output;
}
