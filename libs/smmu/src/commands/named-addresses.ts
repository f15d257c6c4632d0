import type { Named } from '../cache/translation-cache';
import type { Features } from '../registers/features';
import { granuleOfCommand } from '../translation/granule';

/**
 * The fields by which a TLB invalidation names addresses. `Address` is exact: its low 12 bits are
 * zero.
 */
export interface AddressFields {
  readonly Address: number;
  readonly NUM: number;
  readonly SCALE: number;
  readonly TG: number;
  readonly TTL: number;
  readonly Leaf: number;
}

const PAGE = 4096;
const LOW_52 = 2 ** 52;
/** Bit 55 of an address, counted in pages. */
const UPPER_HALF_PAGES = 2 ** 43;

/**
 * TTL with its reserved value for the 16K granule replaced by what hardware takes it for (IHI 0070
 * §4.4.1.1).
 */
function level(fields: AddressFields): number {
  return fields.TG === 2 && fields.TTL === 1 ? 0 : fields.TTL;
}

/** The reserved range encoding, which is CERROR_ILL: a granule, but neither a range nor a level. */
export function rangeIllegal(fields: AddressFields, features: Features): boolean {
  return (
    features.rangeInvalidation &&
    fields.TG !== 0 &&
    fields.NUM === 0 &&
    scale(fields) === 0 &&
    level(fields) === 0
  );
}

/** SCALE has five bits without IDR5.DS. */
function scale(fields: AddressFields): number {
  return fields.SCALE & 0x1f;
}

/** The virtual addresses a command names: VA[55] tells the half, the top byte says nothing. */
export function namedVa(fields: AddressFields, features: Features): Named {
  const pages = Math.floor(fields.Address / PAGE);
  const half = Math.floor(pages / UPPER_HALF_PAGES) % 2 === 1 ? 1 : 0;
  return named((pages % (LOW_52 / PAGE)) * PAGE, half, fields, features);
}

/** The IPAs a command names. */
export function namedIpa(fields: AddressFields, features: Features): Named {
  return named(fields.Address % LOW_52, 0, fields, features);
}

function named(first: number, half: 0 | 1, fields: AddressFields, features: Features): Named {
  const granule = features.rangeInvalidation ? granuleOfCommand(fields.TG) : undefined;
  const leavesOnly = fields.Leaf === 1;
  if (granule === undefined)
    return { half, first, filter: { granuleCode: 0, level: 0, leavesOnly } };
  const filter = { granuleCode: fields.TG, level: level(fields), leavesOnly };
  const bytes = (fields.NUM + 1) * 2 ** scale(fields) * 2 ** granule.pageShift;
  // A range does not wrap at the top of its half (IHI 0070 §4.4.1.1).
  return { half, first, last: Math.min(first + bytes, LOW_52) - 1, filter };
}
