import { addressBits, bit, bits } from './bits';
import { ADDRESS_SIZE, type Implementation } from './implementation';

/** Stage 2 of a stream, from its STE (IHI 0070 §5.2). */
export interface Stage2 {
  readonly table: bigint;
  readonly pageShift: number;
  readonly startLevel: number;
  readonly inputSize: number;
  readonly outputSize: number;
  readonly bigEndian: boolean;
  readonly noAccessFault: boolean;
  readonly protectedWalk: boolean;
  readonly updatesAccess: boolean;
  readonly updatesDirty: boolean;
  readonly forcedAttributes: boolean;
  readonly stalls: boolean;
  readonly records: boolean;
}

export function stage2Regime(words: readonly bigint[], implementation: Implementation): Stage2 {
  const pageShift = [12, 16, 14, 0][bits(words, 175, 174)]!;
  const sl0 = bits(words, 167, 166);
  const updatesAccess = bit(words, 184);
  return {
    table: addressBits(words, 243, 196, 4),
    pageShift,
    startLevel: pageShift === 12 ? [2, 1, 0, 3][sl0]! : 3 - sl0,
    inputSize: 64 - bits(words, 165, 160),
    outputSize: Math.min(ADDRESS_SIZE[bits(words, 178, 176)]!, implementation.oas),
    bigEndian: bit(words, 180),
    noAccessFault: bit(words, 181),
    protectedWalk: bit(words, 182) && bits(words, 3, 1) === 7,
    updatesAccess,
    updatesDirty: updatesAccess && bit(words, 183),
    forcedAttributes: implementation.fwb && bit(words, 89),
    stalls: bit(words, 185),
    records: bit(words, 186),
  };
}
