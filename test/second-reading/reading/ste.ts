import { addressBits, bit, bits, power } from './bits';
import { Fault, SilentAbort } from './faults';
import { ADDRESS_SIZE, type Implementation } from './implementation';
import type { Machine } from './machine';
import { stage2Regime, type Stage2 } from './stage2-regime';
import { findSte } from './stream-table';

/** Which exception level stage 1 belongs to (IHI 0070 §3.3.3). Without E2H, EL2 has one half and no privilege. */
export type StreamWorld = 'EL1' | 'EL2' | 'EL2-E2H';

/** A legal STE that lets traffic through (IHI 0070 §5.2). */
export interface Ste {
  readonly words: readonly bigint[];
  readonly stage1: boolean;
  readonly stage2: Stage2 | undefined;
  readonly world: StreamWorld;
  /** Effective: 0 no ATS, 1 full, 2 split-stage. */
  readonly eats: number;
  /** Effective: 0 without SubstreamIDs. */
  readonly s1CdMax: number;
  readonly s1Fmt: number;
  /** Effective: reserved 3 is 0. */
  readonly s1Dss: number;
  readonly s1ContextPtr: bigint;
  readonly s1StallDisabled: boolean;
}

/** Finds and judges the STE of a stream. @throws Fault or SilentAbort where it lets nothing through. */
export function readSte(machine: Machine, streamId: number): Ste {
  const words = findSte(machine, streamId);
  const { implementation, registers } = machine;
  if (!bit(words, 0)) throw new Fault('C_BAD_STE');
  const config = bits(words, 3, 1);
  if (config < 4) throw new SilentAbort();
  const stage1 = (config & 1) === 1;
  const stage2 = (config & 2) === 2;
  const strwUsed = implementation.stage1 && implementation.hyp && config === 5;
  const strw = strwUsed ? bits(words, 95, 94) : 0;
  const substreams = stage1 && implementation.ssidSize > 0;
  const s1CdMax = substreams ? bits(words, 63, 59) : 0;
  const s1Fmt = s1CdMax > 0 ? bits(words, 5, 4) : 0;
  const s1Dss = s1CdMax > 0 ? bits(words, 65, 64) : 0;
  const s1ContextPtr = addressBits(words, 55, 6, 6);
  const s1StallDisabled = bit(words, 91);
  const atsUsed = implementation.ats && config !== 4;
  const programmedEats = atsUsed ? bits(words, 93, 92) : 0;
  const s2s = bit(words, 185);

  const illegal =
    (stage1 && !implementation.stage1) ||
    (stage2 && !implementation.stage2) ||
    (programmedEats === 2 && (config !== 7 || s2s || implementation.ns1ats)) ||
    (programmedEats === 1 && stage2 && s2s) ||
    (strw & 1) === 1 ||
    (stage1 && s1StallDisabled && implementation.stallModel !== 0) ||
    s1CdMax > implementation.ssidSize ||
    ((s1Fmt === 1 || s1Fmt === 2) && !implementation.cd2l) ||
    (stage1 && s1ContextPtr >= power(implementation.oas)) ||
    (stage2 && stage2Illegal(words, implementation)) ||
    (config !== 4 &&
      implementation.stage2 &&
      strw === 0 &&
      !implementation.vmid16 &&
      bits(words, 143, 136) !== 0);
  if (illegal) throw new Fault('C_BAD_STE');

  const checked = bit(registers.CR0, 4);
  return {
    words,
    stage1,
    stage2: stage2 ? stage2Regime(words, implementation) : undefined,
    world: strw === 0 ? 'EL1' : bit(registers.CR2, 0) ? 'EL2-E2H' : 'EL2',
    eats: programmedEats === 1 || (programmedEats === 2 && checked) ? programmedEats : 0,
    s1CdMax,
    s1Fmt: s1Fmt === 3 ? 0 : s1Fmt,
    s1Dss: s1Dss === 3 ? 0 : s1Dss,
    s1ContextPtr,
    s1StallDisabled,
  };
}

/** The cases of §5.2.2 that stage 2 alone decides. */
function stage2Illegal(words: readonly bigint[], implementation: Implementation): boolean {
  const { granules, smallTables, oas, httu, stallModel, ttEndian } = implementation;
  const stalls = bit(words, 185);
  const updatesDirty = bit(words, 183);
  const updatesAccess = bit(words, 184);
  const bigEndian = bit(words, 180);
  const pageShift = [12, 16, 14, 0][bits(words, 175, 174)]!;
  const t0sz = bits(words, 165, 160);
  const outputSize = Math.min(ADDRESS_SIZE[bits(words, 178, 176)]!, oas);
  const table = addressBits(words, 243, 196, 4);
  const smallest = Math.max(pageShift === 16 ? 12 : 16, 64 - oas);
  const largest = smallTables ? (pageShift === 16 ? 47 : 48) : 39;
  return (
    (stalls && stallModel === 1) ||
    (!stalls && stallModel === 2) ||
    !bit(words, 179) ||
    ((updatesAccess || updatesDirty) && httu === 0) ||
    (updatesDirty && httu === 1) ||
    !granules.includes(pageShift) ||
    table >= power(outputSize) ||
    (pageShift !== 16 && table >= power(48)) ||
    t0sz < smallest ||
    t0sz > largest ||
    startInconsistent(pageShift, bits(words, 167, 166), 64 - t0sz, implementation) ||
    (ttEndian === 2 && bigEndian) ||
    (ttEndian === 3 && !bigEndian)
  );
}

/**
 * DDI 0487 D8.2, VTCR_EL2.SL0: start levels that do not exist, and those that the input size does
 * not fit with at most 16 concatenated tables.
 */
function startInconsistent(
  pageShift: number,
  sl0: number,
  inputSize: number,
  { oas, smallTables }: Implementation,
): boolean {
  if (sl0 === 3 && (pageShift !== 12 || !smallTables)) return true;
  if (sl0 === 2 && oas < (pageShift === 14 ? 42 : 44)) return true;
  const level = pageShift === 12 ? [2, 1, 0, 3][sl0]! : 3 - sl0;
  const perLevel = pageShift - 3;
  const resolved = inputSize - (pageShift + perLevel * (3 - level));
  return resolved < 1 || resolved > perLevel + 4;
}
