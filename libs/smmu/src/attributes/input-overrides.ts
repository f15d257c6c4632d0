import type { Features } from '../registers/features';
import type { AttributesCode } from './memory-attributes';
import {
  DEFAULT_INPUT,
  memAttrAttributes,
  NON_TRANSIENT,
  READ_ALLOCATE,
  withHints,
  withShareability,
  WRITE_ALLOCATE,
} from './memory-type';

/** The override fields that an STE and GBPA have alike (IHI 0070 §13.1.4). */
export interface AttributeOverrides {
  readonly MTCFG: number;
  readonly MemAttr: number;
  /** Bit 3: override the hints, with [2] read allocation, [1] write allocation, [0] transience. */
  readonly ALLOCCFG: number;
  readonly SHCFG: number;
}

/** SHCFG: the incoming shareability. */
const INCOMING = 1;

/**
 * The attributes of a client's transaction with overrides applied. The client supplies none, so
 * the defaults of §13.1.3 stand in; without IDR1.ATTR_TYPES_OVR the fields are RES0. ALLOCCFG
 * applies with MTCFG=0 as well, where §5.2 leaves a choice.
 */
export function inputAttributes(overrides: AttributeOverrides, features: Features): AttributesCode {
  if (!features.attrTypesOverride) return DEFAULT_INPUT;
  const { MTCFG, MemAttr, ALLOCCFG, SHCFG } = overrides;
  const type = MTCFG === 1 ? memAttrAttributes(MemAttr, 0) : DEFAULT_INPUT;
  const shared = SHCFG === INCOMING ? type : withShareability(SHCFG, type);
  return (ALLOCCFG & 8) === 0 ? shared : withHints(hintsOf(ALLOCCFG), shared);
}

function hintsOf(alloccfg: number): number {
  return (
    ((alloccfg & 4) !== 0 ? READ_ALLOCATE : 0) |
    ((alloccfg & 2) !== 0 ? WRITE_ALLOCATE : 0) |
    ((alloccfg & 1) !== 0 ? 0 : NON_TRANSIENT)
  );
}
