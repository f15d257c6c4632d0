import { bigBits, bit, bits } from './bits';
import type { Implementation } from './implementation';

/** Cacheability and hints of one level, inner or outer. */
interface Level {
  readonly type: 'NC' | 'WT' | 'WB';
  readonly ra: boolean;
  readonly wa: boolean;
  readonly transient: boolean;
}

/** A memory type with its shareability (IHI 0070 §13.1.1): 0 NSH, 2 OSH, 3 ISH. */
export type Attributes =
  | { readonly device: number; readonly shareability: number }
  | { readonly inner: Level; readonly outer: Level; readonly shareability: number };

const NC: Level = { type: 'NC', ra: false, wa: false, transient: false };
const WB: Level = { type: 'WB', ra: true, wa: true, transient: false };

/** What a device that says nothing is taken to have said (§13.1.3). */
export const DEFAULT_INPUT: Attributes = { inner: WB, outer: WB, shareability: 0 };

function levelOfMair(nibble: number): Level {
  if (nibble === 0b0100) return NC;
  return {
    type: (nibble & 4) === 0 ? 'WT' : 'WB',
    ra: (nibble & 2) !== 0,
    wa: (nibble & 1) !== 0,
    transient: (nibble & 8) === 0,
  };
}

/** CD.MAIR[AttrIndx] with reserved encodings as §5.4 wants them. */
export function stage1Attributes(
  cdWords: readonly bigint[],
  attrIndex: number,
  shareability: number,
): Attributes {
  const mair = Number(bigBits(cdWords[3]!, 8 * attrIndex + 7, 8 * attrIndex));
  const [outer, inner] = [mair >> 4, mair & 15];
  if (outer === 0) return { device: inner >> 2, shareability };
  return {
    outer: levelOfMair(outer),
    inner: levelOfMair(inner === 0 ? 0b0011 : inner),
    shareability,
  };
}

/** A type of the stage-2 MemAttr encoding without FWB. */
function memAttr(value: number, shareability: number): Attributes {
  const [outer, inner] = [value >> 2, value & 3];
  if (outer === 0) return { device: inner, shareability };
  if (inner === 0) return { device: 0, shareability };
  const level = (code: number): Level => [NC, NC, { ...WB, type: 'WT' as const }, WB][code]!;
  return { outer: level(outer), inner: level(inner), shareability };
}

/** The input attributes with the overrides of an STE or of GBPA (§13.1.4). */
export function overriddenInput(
  config: { mtcfg: boolean; memAttr: number; alloccfg: number; shcfg: number },
  implementation: Implementation,
): Attributes {
  if (!implementation.typeOverrides) return DEFAULT_INPUT;
  const shareability = config.shcfg === 1 ? 0 : config.shcfg;
  const typed = config.mtcfg
    ? memAttr(config.memAttr, shareability)
    : { ...DEFAULT_INPUT, shareability };
  if ('device' in typed || (config.alloccfg & 8) === 0) return typed;
  const hints = {
    ra: (config.alloccfg & 4) !== 0,
    wa: (config.alloccfg & 2) !== 0,
    transient: (config.alloccfg & 1) !== 0,
  };
  const hinted = (level: Level): Level => (level.type === 'NC' ? level : { ...level, ...hints });
  return { ...typed, inner: hinted(typed.inner), outer: hinted(typed.outer) };
}

export function steOverrides(words: readonly bigint[]): Parameters<typeof overriddenInput>[0] {
  return {
    mtcfg: bit(words, 100),
    memAttr: bits(words, 99, 96),
    alloccfg: bits(words, 104, 101),
    shcfg: bits(words, 109, 108),
  };
}

export function gbpaOverrides(gbpa: bigint): Parameters<typeof overriddenInput>[0] {
  return {
    mtcfg: bit(gbpa, 4),
    memAttr: bits(gbpa, 3, 0),
    alloccfg: bits(gbpa, 11, 8),
    shcfg: bits(gbpa, 13, 12),
  };
}

/** §13.4.2: stage 1 replaces everything but the hints of a cacheable input, which it combines. */
export function throughStage1(input: Attributes, stage1: Attributes): Attributes {
  if ('device' in input || 'device' in stage1) return stage1;
  const hints = (from: Level, to: Level): Level =>
    from.type === 'NC' || to.type === 'NC'
      ? to
      : {
          ...to,
          ra: from.ra && to.ra,
          wa: from.wa && to.wa,
          transient: from.transient || to.transient,
        };
  return {
    ...stage1,
    inner: hints(input.inner, stage1.inner),
    outer: hints(input.outer, stage1.outer),
  };
}

function widest(a: number, b: number): number {
  if (a === 2 || b === 2) return 2;
  return a === 3 || b === 3 ? 3 : 0;
}

function weaker(a: Level, b: Level): Level {
  if (a.type === 'NC' || b.type === 'NC') return NC;
  return { ...a, type: a.type === 'WT' || b.type === 'WT' ? 'WT' : 'WB' };
}

/**
 * §13.1.5, DDI 0487 D8.6: the type of stage 1, or of the input, combined with a stage-2 leaf's. What
 * is Device or Non-cacheable comes in as Outer Shareable (§13.1.1, §13.1.4).
 */
export function throughStage2(
  before: Attributes,
  code: number,
  leafShareability: number,
  forced: boolean,
): Attributes {
  const shareability = widest(output(before).shareability, leafShareability);
  if (forced) return { ...forcedType(before, code), shareability };
  const stage2 = memAttr(code, leafShareability);
  if ('device' in before) {
    const device = 'device' in stage2 ? Math.min(before.device, stage2.device) : before.device;
    return { device, shareability };
  }
  if ('device' in stage2) return { device: stage2.device, shareability };
  return {
    inner: weaker(before.inner, stage2.inner),
    outer: weaker(before.outer, stage2.outer),
    shareability,
  };
}

/** DDI 0487 D8.6.6, FEAT_S2FWB: MemAttr[2:0] as an order to stage 1. */
function forcedType(before: Attributes, code: number): Attributes {
  const low = code & 3;
  if ((code & 4) === 0) {
    const device = 'device' in before ? Math.min(before.device, low) : low;
    return { device, shareability: 0 };
  }
  if (low === 3) return before;
  if (low === 2) {
    const cached = (level: Level): Level =>
      level.type === 'NC' ? WB : { ...level, type: 'WB' as const };
    if ('device' in before) return { inner: WB, outer: WB, shareability: 0 };
    return { inner: cached(before.inner), outer: cached(before.outer), shareability: 0 };
  }
  return 'device' in before ? before : { inner: NC, outer: NC, shareability: 0 };
}

function nibble(level: Level): number {
  if (level.type === 'NC') return 0b0100;
  const hints = (level.ra ? 2 : 0) | (level.wa ? 1 : 0);
  const transient = level.transient && hints !== 0;
  return (transient ? 0 : 8) | (level.type === 'WB' ? 4 : 0) | hints;
}

/** As output, made consistent (§13.1.7): the MAIR encoding, and the shareability. */
export function output(attributes: Attributes): { attr: number; shareability: number } {
  if ('device' in attributes) return { attr: attributes.device << 2, shareability: 2 };
  const { inner, outer } = attributes;
  const uncached = inner.type === 'NC' && outer.type === 'NC';
  const reservedAsNsh = attributes.shareability === 1 ? 0 : attributes.shareability;
  return {
    attr: (nibble(outer) << 4) | nibble(inner),
    shareability: uncached ? 2 : reservedAsNsh,
  };
}
