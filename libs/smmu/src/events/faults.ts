import { encodeEvent, EVENT_CLASS } from '../formats/event-records';
import type { Transaction } from '../transaction';

/**
 * What a faulting access was for: CD fetch, stage-1 table walk, or the transaction's own address
 * (IHI 0070 §7.3).
 */
export type FaultClass = keyof typeof EVENT_CLASS;

/** The four faults that CD.{A,R,S} and STE.{S2R,S2S} govern (IHI 0070 §5.5). */
export interface TranslationFault {
  readonly event: 'F_TRANSLATION' | 'F_ADDR_SIZE' | 'F_ACCESS' | 'F_PERMISSION';
  readonly stage: 1 | 2;
  readonly class: FaultClass;
  /** Stage 2 only: the address that stage 2 was to translate. */
  readonly ipa?: number;
  /** CLASS=TT only: the access was to write an updated stage-1 descriptor. */
  readonly tableWrite?: boolean;
}

/** A descriptor fetch that ended in an external abort. */
export interface WalkAbort {
  readonly event: 'F_WALK_EABT';
  readonly stage: 1 | 2;
  readonly class: FaultClass;
  /** Physical address of the descriptor. */
  readonly fetchAddress: number;
}

/** A configuration structure that could not be fetched. */
export interface FetchAbort {
  readonly event: 'F_STE_FETCH' | 'F_CD_FETCH';
  /** Physical address of the structure. */
  readonly fetchAddress: number;
}

/** A configuration error, or cached STEs that contradict each other. */
export interface ConfigurationFault {
  readonly event:
    | 'C_BAD_STREAMID'
    | 'C_BAD_STE'
    | 'C_BAD_SUBSTREAMID'
    | 'F_STREAM_DISABLED'
    | 'C_BAD_CD'
    | 'F_CFG_CONFLICT';
}

/**
 * An input address that a disabled or bypassed stage 1 cannot pass on. It is recorded as a stage-1
 * F_ADDR_SIZE, always aborts, and no R bit suppresses it (IHI 0070 §3.4, §3.12).
 */
export interface BypassSizeFault {
  readonly event: 'BYPASS_ADDR_SIZE';
}

/** Several TLB entries answer for one address (IHI 0070 §3.21.1, §7.3.17). */
export interface TlbConflict {
  readonly event: 'F_TLB_CONFLICT';
  readonly stage: 1 | 2;
  /** Stage 2 only: the address that stage 2 was to translate. */
  readonly ipa?: number;
}

/** An ATS Translated transaction that is not allowed (IHI 0070 §3.9.1.3). */
export interface ForbiddenTransaction {
  readonly event: 'F_TRANSL_FORBIDDEN';
}

/** An ATS Translation Request that is not allowed, and what it asked for (IHI 0070 §7.3.6). */
export interface BadTranslationRequest {
  readonly event: 'F_BAD_ATS_TREQ';
  /** NW=0. Reading is asked for by every request. */
  readonly write: boolean;
  /** Exe and Priv, as the device sent them. */
  readonly execute: boolean;
  readonly privileged: boolean;
}

/** Why a transaction was not translated. */
export type Fault =
  | ForbiddenTransaction
  | BadTranslationRequest
  | TlbConflict
  | TranslationFault
  | WalkAbort
  | FetchAbort
  | ConfigurationFault
  | BypassSizeFault;

/** Attributes of the transaction after the STE's overrides (IHI 0070 §7.3 PnU, InD). */
export interface Attributes {
  readonly privileged: boolean;
  readonly instruction: boolean;
}

const PAGE = 4096;

/** Whether a fault is one of the four that may be silent, RAZ/WI or stalled. */
export function isTranslationFault(fault: Fault): fault is TranslationFault {
  switch (fault.event) {
    case 'F_TRANSLATION':
    case 'F_ADDR_SIZE':
    case 'F_ACCESS':
    case 'F_PERMISSION':
      return true;
    default:
      return false;
  }
}

/**
 * The four words of the record that reports a fault. `stag`: the transaction is stalled under that
 * STAG, which only a translation fault can cause.
 */
export function faultRecord(
  fault: Fault,
  t: Transaction,
  attributes: Attributes,
  stag?: number,
): bigint[] {
  const stream = { StreamID: BigInt(t.streamId), ...substream(t) };
  switch (fault.event) {
    case 'C_BAD_SUBSTREAMID':
      // Without a SubstreamID, CD 0 was to be fetched (IHI 0070 §7.3.9).
      return encodeEvent(fault.event, {
        StreamID: stream.StreamID,
        SubstreamID: BigInt(t.substreamId ?? 0),
      });
    case 'C_BAD_STREAMID':
    case 'C_BAD_STE':
    case 'F_STREAM_DISABLED':
    case 'C_BAD_CD':
    case 'F_CFG_CONFLICT':
      return encodeEvent(fault.event, stream);
    case 'F_BAD_ATS_TREQ':
      return encodeEvent(fault.event, {
        ...stream,
        R: 1n,
        W: fault.write ? 1n : 0n,
        X: fault.execute ? 1n : 0n,
        PRIV: fault.privileged ? 1n : 0n,
        // A request of this model is for one of the smallest translation units.
        Span: 1n,
        InputAddr: BigInt.asUintN(64, t.address),
      });
    case 'F_TRANSL_FORBIDDEN':
      return encodeEvent(fault.event, {
        ...stream,
        RnW: t.write ? 0n : 1n,
        InputAddr: BigInt.asUintN(64, t.address),
      });
    case 'F_STE_FETCH':
    case 'F_CD_FETCH':
      return encodeEvent(fault.event, { ...stream, FetchAddr: BigInt(fault.fetchAddress) });
    case 'F_WALK_EABT':
      return encodeEvent(fault.event, {
        ...stream,
        ...access(t, attributes),
        S2: fault.stage === 2 ? 1n : 0n,
        CLASS: EVENT_CLASS[fault.class],
        FetchAddr: BigInt(fault.fetchAddress),
      });
    case 'F_TLB_CONFLICT':
      return encodeEvent(fault.event, {
        ...stream,
        ...access(t, attributes),
        S2: fault.stage === 2 ? 1n : 0n,
        IPA: pageOf(fault.ipa ?? 0),
      });
    case 'BYPASS_ADDR_SIZE':
      return encodeEvent('F_ADDR_SIZE', {
        ...stream,
        ...access(t, attributes),
        CLASS: EVENT_CLASS.IN,
      });
    default:
      return translationRecord(fault, { ...stream, ...access(t, attributes), ...stall(stag) });
  }
}

function translationRecord(
  fault: TranslationFault,
  common: Readonly<Record<string, bigint>>,
): bigint[] {
  const values: Record<string, bigint> = {
    ...common,
    S2: fault.stage === 2 ? 1n : 0n,
    CLASS: EVENT_CLASS[fault.class],
    IPA: pageOf(fault.ipa ?? 0),
  };
  // TTRnW (IHI 0070 §7.3.16).
  if (fault.event === 'F_PERMISSION' && fault.class === 'TT' && fault.tableWrite !== true) {
    values['TTRnW'] = 1n;
  }
  return encodeEvent(fault.event, values);
}

function pageOf(address: number): bigint {
  return BigInt(address - (address % PAGE));
}

function substream(t: Transaction): Record<string, bigint> {
  return t.substreamId === undefined ? {} : { SSV: 1n, SubstreamID: BigInt(t.substreamId) };
}

function stall(stag: number | undefined): Record<string, bigint> {
  return stag === undefined ? {} : { Stall: 1n, STAG: BigInt(stag) };
}

function access(t: Transaction, attributes: Attributes): Record<string, bigint> {
  return {
    RnW: t.write ? 0n : 1n,
    PnU: attributes.privileged ? 1n : 0n,
    InD: attributes.instruction ? 1n : 0n,
    InputAddr: BigInt.asUintN(64, t.address),
  };
}
