import {
  attrOf,
  codeOf,
  INNER_FORCED,
  OUTER_FORCED,
  shareabilityOf,
  type AttributesCode,
} from './memory-attributes';

/**
 * A cacheability level, inner or outer, is one nibble of a MAIR byte. In all but Non-cacheable, a
 * bit of 0 is the stronger of its two values, so that combining is a bitwise AND (DDI 0487
 * MAIR_ELx, IHI 0070 §13.1.5).
 */
const NON_CACHEABLE = 0b0100;
export const NON_TRANSIENT = 0b1000;
const WRITE_BACK = 0b0100;
export const READ_ALLOCATE = 0b0010;
export const WRITE_ALLOCATE = 0b0001;
const HINTS = NON_TRANSIENT | READ_ALLOCATE | WRITE_ALLOCATE;
const WRITE_THROUGH_LEVEL = HINTS;
const WRITE_BACK_LEVEL = HINTS | WRITE_BACK;

const NON_SHAREABLE = 0;
const OUTER_SHAREABLE = 2;
const INNER_SHAREABLE = 3;

const DEVICE_NGNRNE = codeOf(0, OUTER_SHAREABLE);
const NORMAL_NON_CACHEABLE = 0x44;

/** What a client that says nothing is taken to have said (IHI 0070 §13.1.3). */
export const DEFAULT_INPUT: AttributesCode = codeOf(0xff, NON_SHAREABLE);

/** Whether attributes are of any Device type. */
export function isDevice(code: AttributesCode): boolean {
  return (attrOf(code) & 0xf0) === 0;
}

/**
 * Attributes made consistent: any Device type and Normal iNC-oNC are Outer Shareable, and the
 * reserved shareability is Non-shareable (IHI 0070 §13.1.7).
 */
function consistent(attr: number, shareability: number): AttributesCode {
  if ((attr & 0xf0) === 0 || attr === NORMAL_NON_CACHEABLE) return codeOf(attr, OUTER_SHAREABLE);
  return codeOf(attr, shareability === 1 ? NON_SHAREABLE : shareability);
}

/** What allocates neither on reads nor on writes is non-transient (IHI 0070 §13.1.7). */
function consistentLevel(level: number): number {
  const allocates = (level & (READ_ALLOCATE | WRITE_ALLOCATE)) !== 0;
  return allocates ? level : level | NON_TRANSIENT;
}

/**
 * Stage 1: a byte of CD.MAIR and a leaf's SH. The encodings that DDI 0487 leaves UNPREDICTABLE are
 * Reserved here, with a behaviour of their own (IHI 0070 §5.4 MAIR1).
 */
export function stage1Attributes(mair: number, shareability: number): AttributesCode {
  const outer = mair >> 4;
  const inner = mair & 0xf;
  if (outer === 0) return consistent(inner & 0b1100, shareability);
  // Reserved: inner Write-Through Transient that allocates.
  const innerLevel = inner === 0 ? READ_ALLOCATE | WRITE_ALLOCATE : inner;
  return consistent((outer << 4) | innerLevel, shareability);
}

/**
 * The encoding of a stage-2 leaf's MemAttr without FWB, of STE.MemAttr and of GBPA.MemAttr (DDI
 * 0487 D8.6). Encodings that name an outer level and no inner one are Reserved and taken as
 * Device-nGnRnE (IHI 0070 §5.2 MemAttr).
 */
export function memAttrAttributes(memAttr: number, shareability: number): AttributesCode {
  const outer = memAttr >> 2;
  const inner = memAttr & 3;
  if (outer === 0) return consistent(inner << 2, shareability);
  if (inner === 0) return DEVICE_NGNRNE;
  return consistent((LEVELS[outer]! << 4) | LEVELS[inner]!, shareability);
}

const LEVELS = [0, NON_CACHEABLE, WRITE_THROUGH_LEVEL, WRITE_BACK_LEVEL] as const;

/** The stronger of two attributes in each respect (IHI 0070 §13.1.5, DDI 0487 D8.6). */
export function combine(a: AttributesCode, b: AttributesCode): AttributesCode {
  const shareability = widest(shareabilityOf(a), shareabilityOf(b));
  const [one, other] = [attrOf(a), attrOf(b)];
  if (isDevice(a)) return consistent(isDevice(b) ? Math.min(one, other) : one, shareability);
  if (isDevice(b)) return consistent(other, shareability);
  const outer = combineLevels(one >> 4, other >> 4);
  return consistent((outer << 4) | combineLevels(one & 0xf, other & 0xf), shareability);
}

function combineLevels(a: number, b: number): number {
  return a === NON_CACHEABLE || b === NON_CACHEABLE ? NON_CACHEABLE : consistentLevel(a & b);
}

function widest(a: number, b: number): number {
  if (a === OUTER_SHAREABLE || b === OUTER_SHAREABLE) return OUTER_SHAREABLE;
  return a === INNER_SHAREABLE || b === INNER_SHAREABLE ? INNER_SHAREABLE : NON_SHAREABLE;
}

/**
 * A stage-2 leaf under S2FWB=1: MemAttr[2:0] orders the type instead of combining with it; 0b0xx
 * Device, 0b110 Write-Back, 0b111 as stage 1 says, otherwise Non-cacheable unless stage 1 says
 * Device. MemAttr[3] is RES0 (DDI 0487 D8.6, FEAT_S2FWB).
 */
export function combineForced(
  stage1: AttributesCode,
  memAttr: number,
  shareability: number,
): AttributesCode {
  const combined = widest(shareabilityOf(stage1), shareability);
  const attr = attrOf(stage1);
  if ((memAttr & 0b100) === 0) {
    const device = (memAttr & 3) << 2;
    return consistent(isDevice(stage1) ? Math.min(attr, device) : device, combined);
  }
  switch (memAttr & 3) {
    case 3:
      return consistent(attr, combined);
    case 2:
      return forcedWriteBack(stage1, combined);
    default:
      return consistent(isDevice(stage1) ? attr : NORMAL_NON_CACHEABLE, combined);
  }
}

function forcedWriteBack(stage1: AttributesCode, shareability: number): AttributesCode {
  if (isDevice(stage1)) return consistent(0xff, shareability) | INNER_FORCED | OUTER_FORCED;
  const outer = attrOf(stage1) >> 4;
  const inner = attrOf(stage1) & 0xf;
  return (
    consistent((writeBack(outer) << 4) | writeBack(inner), shareability) |
    (inner === NON_CACHEABLE ? INNER_FORCED : 0) |
    (outer === NON_CACHEABLE ? OUTER_FORCED : 0)
  );
}

/** The level made Write-Back; its hints stay, where it has any. */
function writeBack(level: number): number {
  return level === NON_CACHEABLE ? WRITE_BACK_LEVEL : level | WRITE_BACK;
}

/**
 * Attributes with the hints of the input combined in: all that is left of a cacheable input once
 * stage 1 has translated (IHI 0070 §13.4.2).
 */
export function withHintsOf(input: AttributesCode, code: AttributesCode): AttributesCode {
  // The default input takes no hint away: the usual case, on the path of every TLB hit.
  return input === DEFAULT_INPUT ? code : withOtherHints(input, code);
}

function withOtherHints(input: AttributesCode, code: AttributesCode): AttributesCode {
  if (isDevice(input) || isDevice(code)) return code;
  const [from, to] = [attrOf(input), attrOf(code)];
  const outer = (code & OUTER_FORCED) !== 0 ? to >> 4 : withLevelHints(from >> 4, to >> 4);
  const inner = (code & INNER_FORCED) !== 0 ? to & 0xf : withLevelHints(from & 0xf, to & 0xf);
  return codeOf((outer << 4) | inner, shareabilityOf(code));
}

function withLevelHints(input: number, level: number): number {
  if (input === NON_CACHEABLE || level === NON_CACHEABLE) return level;
  return consistentLevel(level & (input | WRITE_BACK));
}

/** Attributes with the shareability replaced, where it can vary. */
export function withShareability(shareability: number, code: AttributesCode): AttributesCode {
  return consistent(attrOf(code), shareability);
}

/** Attributes with the hints of both levels replaced, where a level is cacheable. */
export function withHints(hints: number, code: AttributesCode): AttributesCode {
  if (isDevice(code)) return code;
  const attr = attrOf(code);
  const outer = replaceHints(hints, attr >> 4);
  return codeOf((outer << 4) | replaceHints(hints, attr & 0xf), shareabilityOf(code));
}

function replaceHints(hints: number, level: number): number {
  if (level === NON_CACHEABLE) return level;
  return consistentLevel((level & WRITE_BACK) | hints);
}
