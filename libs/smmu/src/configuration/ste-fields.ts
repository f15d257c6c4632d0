import { fieldNumbers, type FieldNumbers } from '../formats/field-reader';
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
] as const;

/** The STE fields that affect translation or legality. */
export type SteFields = FieldNumbers<(typeof NAMES)[number]>;

/** Reads them from an STE of sixteen 32-bit parts. */
export const readSte = fieldNumbers(STE, NAMES);

/** STE.Config[0]: stage 1 translates. */
export function usesStage1(ste: SteFields): boolean {
  return (ste.Config & 0b101) === 0b101;
}

/** STE.Config[1]: stage 2 translates. */
export function usesStage2(ste: SteFields): boolean {
  return (ste.Config & 0b110) === 0b110;
}
