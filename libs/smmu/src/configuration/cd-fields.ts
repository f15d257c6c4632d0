import { CD } from '../formats/context-descriptor';
import { fieldNumbers, type FieldNumbers } from '../formats/field-reader';

const NAMES = [
  'T0SZ',
  'TG0',
  'EPD0',
  'ENDI',
  'T1SZ',
  'TG1',
  'EPD1',
  'V',
  'IPS',
  'AFFD',
  'WXN',
  'TBI0',
  'TBI1',
  'PAN',
  'EPAN',
  'AA64',
  'HD',
  'HA',
  'S',
  'R',
  'A',
  'ASET',
  'ASID',
  'HAD0',
  'E0PD0',
  'TTB0',
  'HAD1',
  'E0PD1',
  'TTB1',
  'MAIR0',
  'MAIR1',
] as const;

/** The CD fields that affect translation or legality. */
export type CdFields = FieldNumbers<(typeof NAMES)[number]>;

/** Reads them from a CD of sixteen 32-bit parts. */
export const readCd = fieldNumbers(CD, NAMES);
