import { fieldNumbers, type FieldNumbers, type Parts } from '../formats/field-reader';
import { STE } from '../formats/ste';

const NAMES = [
  'V',
  'Config',
  'S1Fmt',
  'S1ContextPtr',
  'S1CDMax',
  'S1DSS',
  'S2FWB',
  'S1STALLD',
  'EATS',
  'STRW',
  'MemAttr',
  'MTCFG',
  'ALLOCCFG',
  'SHCFG',
  'PRIVCFG',
  'INSTCFG',
  'S2VMID',
  'S2T0SZ',
  'S2SL0',
  'S2TG',
  'S2PS',
  'S2AA64',
  'S2ENDI',
  'S2AFFD',
  'S2PTW',
  'S2HD',
  'S2HA',
  'S2S',
  'S2R',
  'S2TTB',
  'CONT',
] as const;

/** The STE fields that affect translation or legality. */
export type SteFields = FieldNumbers<(typeof NAMES)[number]>;

/** Reads them from an STE of sixteen 32-bit parts. */
export const readSte = fieldNumbers(STE, NAMES);

/**
 * What the STEs of one CONT span must have in common: every defined field but CONT itself. Software's
 * and IMPLEMENTATION DEFINED bits are not looked at (IHI 0070 §5.2 CONT).
 */
const COMMON = STE.mask(
  ...(Object.keys(STE.fields) as (keyof typeof STE.fields)[]).filter(
    (name) => name !== 'CONT' && name !== 'SW_RESERVED' && !name.startsWith('IMPDEF'),
  ),
).flatMap((mask) => [Number(mask & 0xffff_ffffn), Number(mask >> 32n)]);

/**
 * A digest (FNV-1a) of those fields, 31 bits. Two STEs that differ may share one; the SMMU then takes
 * them for alike, which §5.2 permits it to do with any two.
 */
export function likenessOf(parts: Parts): number {
  let digest = 0x811c9dc5;
  COMMON.forEach((mask, n) => {
    digest = Math.imul(digest ^ (parts[n]! & mask), 0x0100_0193);
    digest ^= digest >>> 15;
  });
  return digest >>> 1;
}

/** STE.Config[0]: stage 1 translates. */
export function usesStage1(ste: SteFields): boolean {
  return (ste.Config & 0b101) === 0b101;
}

/** STE.Config[1]: stage 2 translates. */
export function usesStage2(ste: SteFields): boolean {
  return (ste.Config & 0b110) === 0b110;
}
