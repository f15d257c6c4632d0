import type { CommandWords, RegisterName } from '@steward/smmu';
import type { Expectation } from '@steward/guest';
import type { RecordedPhase } from './cmdq';

/** What happened at one place of the trace, in order. `line` is 1-based. */
export type Moment =
  | RegisterMoment
  | CommandsMoment
  | TableWordMoment
  | StreamTableMoment
  | CdMoment
  | Stage2TableMoment
  | DmaMoment
  | PhaseEndMoment;

export interface RegisterMoment {
  readonly kind: 'register';
  readonly line: number;
  readonly name: RegisterName;
  readonly value: bigint;
}

/** The commands of one CMDQ_PROD update. */
export interface CommandsMoment {
  readonly kind: 'commands';
  readonly line: number;
  readonly words: readonly CommandWords[];
}

/** A walk read this descriptor. */
export interface TableWordMoment {
  readonly kind: 'table-word';
  readonly line: number;
  readonly ipa: number;
  readonly word: bigint;
}

/** The stream table walk of a StreamID read a level-1 descriptor. */
export interface StreamTableMoment {
  readonly kind: 'stream-table';
  readonly line: number;
  readonly vsid: number;
  readonly l1: number;
  readonly l2: number;
  /** L1STD.Span. QEMU takes it for 2^Span entries and prints the last index of that. */
  readonly span: bigint;
}

/** A CD was fetched for a StreamID. `asid` is known once a TLB lookup followed. */
export interface CdMoment {
  readonly kind: 'cd';
  readonly line: number;
  readonly vsid: number;
  readonly cd: number;
  readonly ttb0: number;
  readonly t0sz: number;
  asid?: number;
}

/** A walk with stage 2 alone began at this table. */
export interface Stage2TableMoment {
  readonly kind: 'stage2-table';
  readonly line: number;
  readonly vsid: number;
  /** STE.S2TTB. */
  readonly ttb: number;
  /** STE.S2VMID, as the TLB lookup showed it. */
  readonly vmid: number;
}

export interface DmaMoment {
  readonly kind: 'dma';
  readonly line: number;
  readonly vsid: number;
  readonly iova: bigint;
  readonly write: boolean;
  readonly expect: Expectation;
  /** Which kind of STE the trace says answered it. */
  readonly by: 's1' | 's2' | 'bypass' | 'abort';
}

export interface PhaseEndMoment {
  readonly kind: 'phase-end';
  readonly line: number;
  readonly phase: RecordedPhase;
}
