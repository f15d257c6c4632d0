import { CD } from '@steward/smmu';
import { STAGE1_MAIR } from './page-descriptors';
import { STAGE1_GEOMETRY } from './stage2-geometry';
import type { EntryRules, EntryWords } from './entry-update';

/** What a stage-1 domain contributes to the CDs of its devices. */
export interface Stage1Configuration {
  /** 1 … 2^asidBits-1, unique over the host's SMMUs. */
  readonly asid: number;
  /** Physical byte address of the start-level table. */
  readonly ttb: number;
  /** Encoded output size, as IDR5.OAS. */
  readonly ips: number;
  /** S: faults stall. */
  readonly stalls: boolean;
}

const WORDS = 8;
const WRITE_BACK = 1n;
const INNER_SHAREABLE = 3n;

/** The CD of a device that nothing translates for: V=0. */
export const INVALID_CD: EntryWords = Array.from({ length: WORDS }, () => 0n);

/**
 * The eight words of a CD with a kernel-owned stage 1 (Linux `arm_smmu_make_s1_cd`): TTB0 only, faults recorded and
 * aborted, and an ASID that is the driver's own (ASET), so the CPUs' broadcasts do not concern it.
 */
export function composeCd({ asid, ttb, ips, stalls }: Stage1Configuration): EntryWords {
  return CD.encode({
    T0SZ: BigInt(64 - STAGE1_GEOMETRY.inputSize),
    TG0: 0n,
    IR0: WRITE_BACK,
    OR0: WRITE_BACK,
    SH0: INNER_SHAREABLE,
    EPD1: 1n,
    V: 1n,
    IPS: BigInt(ips),
    AA64: 1n,
    S: stalls ? 1n : 0n,
    R: 1n,
    A: 1n,
    ASET: 1n,
    ASID: BigInt(asid),
    TTB0: BigInt(ttb),
    MAIR0: STAGE1_MAIR,
  });
}

const ALL = (1n << 64n) - 1n;
const V = CD.mask('V');
const LOWER_HALF = CD.mask('T0SZ', 'TG0', 'IR0', 'OR0', 'SH0', 'TTB0');

/** Which bits of a CD matter (Linux `arm_smmu_get_cd_used`): all of a valid one, but for a lower half that EPD0 disables. */
export const CD_RULES: EntryRules = {
  usedBits(cd) {
    if (CD.get(cd, 'V') === 0n) return [...V];
    const ignored = CD.get(cd, 'EPD0') === 1n ? LOWER_HALF : INVALID_CD;
    return Array.from({ length: WORDS }, (_, i) => ALL & ~ignored[i]!);
  },
  safeBits: () => [...INVALID_CD],
};
