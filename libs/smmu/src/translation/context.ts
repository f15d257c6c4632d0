import type { Stage1Spaces } from '../cache/translation-cache';
import type { TlbSpace } from '../cache/tlb-space';
import type { Granule } from './granule';
import type { TableUpdates } from './table-updates';

/** Stage 2 of a stream, ready to walk. Sizes are limits: the first byte address beyond. */
export interface Stage2Context {
  readonly granule: Granule;
  readonly startLevel: number;
  /** Mask of the index into the start table. */
  readonly startMask: number;
  readonly inputLimit: number;
  readonly base: number;
  readonly outputLimit: number;
  /** An AF of 0 faults: neither STE.S2AFFD nor a hardware update takes care of it. */
  readonly accessFlagFaults: boolean;
  readonly updates: TableUpdates;
  /** STE.S2PTW. */
  readonly protectedWalks: boolean;
  /** STE.S2FWB, where implemented: it changes which MemAttr encodings are Device. */
  readonly forcedWriteBack: boolean;
  /** IDR3.XNX: XN tells privileged from unprivileged execution. */
  readonly separateExecute: boolean;
  readonly bigEndian: boolean;
  /** STE.S2R. */
  readonly records: boolean;
  /** STE.S2S. */
  readonly stalls: boolean;
  readonly space: TlbSpace;
}

/** The half of a stage-1 context that one TTB translates. */
export interface Stage1Half {
  /** EPDx=1. The other fields then say nothing. */
  readonly disabled: boolean;
  readonly granule: Granule;
  readonly startLevel: number;
  /** Mask of the index into the start table. */
  readonly startMask: number;
  /** Bits of an address of the half: 64-TxSZ. */
  readonly inputBits: number;
  readonly base: number;
  readonly ignoresTopByte: boolean;
  /** HADx=0: hierarchical permissions apply. */
  readonly hierarchical: boolean;
  /** E0PDx=1: unprivileged accesses fault. */
  readonly unprivilegedFaults: boolean;
}

/** Stage 1 of a stream (and SubstreamID), ready to walk. */
export interface Stage1Context {
  /** TTB0 and TTB1; only the first in EL2. */
  readonly halves: readonly [Stage1Half, Stage1Half | undefined];
  readonly outputLimit: number;
  /** An AF of 0 faults: neither CD.AFFD nor a hardware update takes care of it. */
  readonly accessFlagFaults: boolean;
  readonly updates: TableUpdates;
  /** EL2: AP[1] is taken as 1 and there is one privilege (IHI 0070 §13.4.1). */
  readonly onePrivilege: boolean;
  readonly writeExecuteNever: boolean;
  /** CD.PAN, which EL2 ignores. */
  readonly privilegedAccessNever: boolean;
  /** CD.EPAN: PAN regards unprivileged execution too. */
  readonly enhancedAccessNever: boolean;
  /** CD.MAIR0 and CD.MAIR1: eight memory types of one byte each. */
  readonly mair: readonly [number, number];
  readonly bigEndian: boolean;
  /** CD.R. */
  readonly records: boolean;
  /** CD.A. */
  readonly aborts: boolean;
  /** CD.S. */
  readonly stalls: boolean;
  readonly spaces: Stage1Spaces;
}
