import type { AttributesCode } from './memory-attributes';
import { combine, combineForced, DEFAULT_INPUT, memAttrAttributes } from './memory-type';

/** A stage-2 leaf's MemAttr and SH in six bits: what a stage-2 TLB entry keeps of them. */
export function packLeafAttributes(memAttr: number, shareability: number): number {
  return (memAttr << 2) | shareability;
}

/**
 * Attributes that a stage-2 leaf makes of those it is given, by stage 1 or by the input (IHI 0070
 * §13.4.3). `forcedWriteBack`: STE.S2FWB is 1.
 */
export function throughStage2(
  input: AttributesCode,
  leaf: number,
  forcedWriteBack: boolean,
): AttributesCode {
  if (input === DEFAULT_INPUT) return OF_DEFAULT[(forcedWriteBack ? LEAVES : 0) | leaf]!;
  return combined(input, leaf, forcedWriteBack);
}

function combined(input: AttributesCode, leaf: number, forcedWriteBack: boolean): AttributesCode {
  const memAttr = leaf >> 2;
  const shareability = leaf & 3;
  return forcedWriteBack
    ? combineForced(input, memAttr, shareability)
    : combine(input, memAttrAttributes(memAttr, shareability));
}

const LEAVES = 1 << 6;

/** What each leaf makes of the default input: the usual case of streams without stage 1. */
const OF_DEFAULT: readonly AttributesCode[] = Array.from({ length: 2 * LEAVES }, (_, index) =>
  combined(DEFAULT_INPUT, index % LEAVES, index >= LEAVES),
);
