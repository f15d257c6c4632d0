import { STE, STE_CONFIG } from '@steward/smmu';

/** What a VMM makes of a guest's vSTE before it asks the kernel. */
export type VsteIntent =
  | { readonly kind: 'abort' }
  | { readonly kind: 'bypass' }
  /** To be offered to the kernel, which may refuse it (-EIO). */
  | { readonly kind: 'offer'; readonly vste: readonly [bigint, bigint] };

/**
 * Fields a guest's STE keeps on its way to the kernel. Dropped are those that an S1-only vSMMU's ID
 * registers make meaningless to its guest, or that only tune performance and events: CONT, DCP, DRE and
 * MEV (hints), PPAR (IDR0.PRI=0), S1PIE, S1MPAM, STRW (IDR0.HYP=0), MTCFG/MemAttr/ALLOCCFG/SHCFG
 * (IDR1.ATTR_TYPES_OVR=0), PRIVCFG/INSTCFG (IDR1.ATTR_PERMS_OVR=0), NSCFG (non-secure) and every
 * stage-2 field (IDR0.S2P=0). IHI 0070 §5.2, §6.3.1.
 */
const KEPT = STE.mask(
  'V',
  'Config',
  'S1Fmt',
  'S1ContextPtr',
  'S1CDMax',
  'S1DSS',
  'S1CIR',
  'S1COR',
  'S1CSH',
  'S1STALLD',
  'EATS',
) as readonly bigint[];

/**
 * V=0 and the abort encodings (0b000, and 0b001–0b011, which behave like it) abort; bypass bypasses;
 * everything else, legal or not, is offered to the kernel with the kept fields.
 */
export function intentOf(words: readonly [bigint, bigint]): VsteIntent {
  const config = STE.get(words, 'Config');
  if (STE.get(words, 'V') === 0n || (config & 0b100n) === 0n) return { kind: 'abort' };
  if (config === STE_CONFIG.BYPASS) return { kind: 'bypass' };
  return { kind: 'offer', vste: [words[0] & (KEPT[0] ?? 0n), words[1] & (KEPT[1] ?? 0n)] };
}
