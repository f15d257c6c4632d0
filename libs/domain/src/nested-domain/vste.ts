import { STE, STE_CONFIG } from '@steward/smmu';

/** STRTAB_STE_0_NESTING_ALLOWED and STRTAB_STE_1_NESTING_ALLOWED (arm-smmu-v3.h). */
const ALLOWED = STE.mask(
  'V',
  'Config',
  'S1Fmt',
  'S1CDMax',
  'S1DSS',
  'S1CIR',
  'S1COR',
  'S1CSH',
  'S1STALLD',
  'EATS',
) as [bigint, bigint];
/** The kernel's S1ContextPtr mask ends at bit 51. */
const CONTEXT_PTR_MASK = 0x000f_ffff_ffff_ffc0n;

const CONFIGS: readonly bigint[] = [STE_CONFIG.ABORT, STE_CONFIG.BYPASS, STE_CONFIG.S1];

export type VsteVerdict =
  | { readonly ok: true; readonly vste: readonly [bigint, bigint] }
  | { readonly ok: false; readonly why: string };

/**
 * Decides what the kernel accepts as a vSTE (arm-smmu-v3-iommufd.c, arm_smmu_validate_vste). A refusal
 * is -EIO. Words 0 and 1 only; the rest cannot be supplied.
 */
export function validateVste(words: readonly [bigint, bigint]): VsteVerdict {
  if (STE.get(words, 'V') === 0n) return { ok: true, vste: [0n, 0n] };
  const stray = [words[0] & ~(ALLOWED[0] | CONTEXT_PTR_MASK), words[1] & ~ALLOWED[1]] as const;
  if (stray[0] !== 0n || stray[1] !== 0n) {
    const where = stray[0] !== 0n ? 0 : 1;
    return {
      ok: false,
      why: `word ${where} sets 0x${stray[where].toString(16)}, not a guest's bits`,
    };
  }
  const config = STE.get(words, 'Config');
  if (!CONFIGS.includes(config)) {
    return { ok: false, why: `Config 0b${config.toString(2).padStart(3, '0')} is not a guest's` };
  }
  const eats = STE.get(words, 'EATS');
  if (eats > 1n) return { ok: false, why: `EATS ${eats} is neither abort nor full ATS` };
  return { ok: true, vste: [words[0], words[1]] };
}
