import { STE, STE_CONFIG } from '@steward/smmu';
import type { PolicyRules } from './policy';

/** The two words of a vSTE, as `struct iommu_hwpt_arm_smmuv3` carries them. */
export type VsteWords = readonly [bigint, bigint];

/** What a vSTE asks for: `s1` makes a nested STE, `bypass` a stage-2 one, `abort` (also V=0) an abort one. */
export type VsteConfig = 'abort' | 'bypass' | 's1';

export type VsteVerdict =
  | {
      readonly ok: true;
      /** The words that are kept, never with EATS; of a zeroed V=0 nothing. */
      readonly vste: VsteWords;
      readonly config: VsteConfig;
      /** The guest wants device ATS (EATS=1). Only a vSTE with Config=S1 can say so. */
      readonly ats: boolean;
    }
  | { readonly ok: false; readonly why: string };

const ADDRESS_BITS = (1n << 52n) - 1n;
const POINTER = STE.mask('S1ContextPtr')[0]! & ADDRESS_BITS;

/** Bits of word 0 that user space may set (Linux `STRTAB_STE_0_NESTING_ALLOWED`). */
export const VSTE_WORD0_ALLOWED = STE.mask('V', 'Config', 'S1Fmt', 'S1CDMax')[0]! | POINTER;
/** Bits of word 1 that user space may set (Linux `STRTAB_STE_1_NESTING_ALLOWED`). */
export const VSTE_WORD1_ALLOWED = STE.mask(
  'S1DSS',
  'S1CIR',
  'S1COR',
  'S1CSH',
  'S1STALLD',
  'EATS',
)[1]!;

const EATS = STE.mask('EATS')[1]!;
const CONFIGS = new Map<bigint, VsteConfig>([
  [STE_CONFIG.ABORT, 'abort'],
  [STE_CONFIG.BYPASS, 'bypass'],
  [STE_CONFIG.S1, 's1'],
]);

/**
 * Accepts or refuses a vSTE exactly as the kernel does (Linux `arm_smmu_validate_vste`); a refusal is EIO at the uAPI.
 *
 * Nothing else is checked: an S1CDMax beyond IDR1.SSIDSIZE, S1STALLD on an SMMU that cannot stall or a pointer out of
 * range is accepted, and becomes an ILLEGAL STE or a fault at run time, confined to the guest's own stream.
 */
export function validateVste(
  words: VsteWords,
  rules: Pick<PolicyRules, 'invalidVste' | 'vsteEatsMax'>,
): VsteVerdict {
  const [word0, word1] = words;
  const valid = STE.get(words, 'V') === 1n;
  if (!valid && rules.invalidVste === 'zeroed') {
    return { ok: true, vste: [0n, 0n], config: 'abort', ats: false };
  }
  if ((word0 & ~VSTE_WORD0_ALLOWED) !== 0n || (word1 & ~VSTE_WORD1_ALLOWED) !== 0n) {
    return { ok: false, why: 'the vSTE sets bits that belong to the hypervisor' };
  }
  const config = CONFIGS.get(STE.get(words, 'Config'));
  if (config === undefined) {
    return { ok: false, why: 'the vSTE asks for a Config other than abort, bypass or stage 1' };
  }
  const eats = STE.get(words, 'EATS');
  if (eats > rules.vsteEatsMax) return { ok: false, why: `the vSTE asks for EATS=${eats}` };
  return {
    ok: true,
    vste: [word0, word1 & ~EATS],
    config: valid ? config : 'abort',
    ats: valid && config === 's1' && eats === 1n,
  };
}
