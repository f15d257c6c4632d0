import { address, bit, bits, layout, type Field, type Layout } from './layout';

/** One entry of the event catalogue. */
export interface EventFormat {
  /** Event number, bits [7:0] of the record. */
  readonly type: number;
  readonly layout: Layout<Record<string, Field>>;
  /** Section of IHI 0070 that describes it. */
  readonly section: string;
}

/** CLASS: what the faulting access was for (IHI 0070 §7.3). */
export const EVENT_CLASS = { CD: 0n, TT: 1n, IN: 2n } as const;

const common = { Type: bits(7, 0), StreamID: bits(63, 32) };
const substream = { SSV: bit(11), SubstreamID: bits(31, 12) };
const reason = { Reason: bits(79, 64) };
const gpcf = { GPCF: bit(80) };
const access = { PnU: bit(97), InD: bit(98), RnW: bit(99) };
const stall = { STAG: bits(79, 64), Stall: bit(95) };
const stage = { S2: bit(103), CLASS: bits(105, 104, EVENT_CLASS) };
const input = { InputAddr: bits(191, 128) };
const ipa = { IPA: address(247, 204, 12) };
const fetch = { FetchAddr: address(247, 195, 3) };
const translation = { ...stall, ...access, NSIPA: bit(102), ...stage, ...input, ...ipa };

function event(
  name: string,
  type: number,
  section: string,
  fields: Record<string, Field>,
): EventFormat {
  return { type, layout: layout(name, 256, { ...common, ...fields }), section };
}

/** Every event record of the architecture, by name (IHI 0070 §7.3). All are 256 bits. */
export const EVENTS = {
  F_UUT: event('F_UUT', 0x01, '§7.3.2', { ...substream, ...reason, ...access, ...input }),
  C_BAD_STREAMID: event('C_BAD_STREAMID', 0x02, '§7.3.3', substream),
  F_STE_FETCH: event('F_STE_FETCH', 0x03, '§7.3.4', { ...substream, ...reason, ...gpcf, ...fetch }),
  C_BAD_STE: event('C_BAD_STE', 0x04, '§7.3.5', substream),
  F_BAD_ATS_TREQ: event('F_BAD_ATS_TREQ', 0x05, '§7.3.6', {
    ...substream,
    // The text names these five but not where they are; the places are those of another implementation, Span's a guess.
    Span: bits(71, 64),
    PRIV: bit(92),
    X: bit(93),
    W: bit(94),
    R: bit(95),
    ...input,
  }),
  F_STREAM_DISABLED: event('F_STREAM_DISABLED', 0x06, '§7.3.7', substream),
  F_TRANSL_FORBIDDEN: event('F_TRANSL_FORBIDDEN', 0x07, '§7.3.8', {
    ...substream,
    RnW: bit(99),
    ...input,
  }),
  // SubstreamID is always valid here: the record has no SSV.
  C_BAD_SUBSTREAMID: event('C_BAD_SUBSTREAMID', 0x08, '§7.3.9', { SubstreamID: bits(31, 12) }),
  F_CD_FETCH: event('F_CD_FETCH', 0x09, '§7.3.10', { ...substream, ...reason, ...gpcf, ...fetch }),
  C_BAD_CD: event('C_BAD_CD', 0x0a, '§7.3.11', substream),
  F_WALK_EABT: event('F_WALK_EABT', 0x0b, '§7.3.12', {
    ...substream,
    ...reason,
    ...gpcf,
    ...access,
    ...stage,
    ...input,
    ...fetch,
  }),
  F_TRANSLATION: event('F_TRANSLATION', 0x10, '§7.3.13', { ...substream, ...translation }),
  F_ADDR_SIZE: event('F_ADDR_SIZE', 0x11, '§7.3.14', { ...substream, ...translation }),
  F_ACCESS: event('F_ACCESS', 0x12, '§7.3.15', { ...substream, ...translation }),
  F_PERMISSION: event('F_PERMISSION', 0x13, '§7.3.16', {
    ...substream,
    ...translation,
    TTRnW: bit(108),
  }),
  F_TLB_CONFLICT: event('F_TLB_CONFLICT', 0x20, '§7.3.17', {
    ...substream,
    ...reason,
    ...access,
    S2: bit(103),
    ...input,
    ...ipa,
  }),
  F_CFG_CONFLICT: event('F_CFG_CONFLICT', 0x21, '§7.3.18', { ...substream, ...reason }),
  E_PAGE_REQUEST: event('E_PAGE_REQUEST', 0x24, '§7.3.19', {
    ...substream,
    uX: bit(97),
    uW: bit(98),
    uR: bit(99),
    pX: bit(101),
    pW: bit(102),
    pR: bit(103),
    Span: bits(115, 108),
    InputAddr: address(191, 140, 12),
  }),
  F_VMS_FETCH: event('F_VMS_FETCH', 0x25, '§7.3.20', {
    ...substream,
    ...reason,
    ...gpcf,
    ...fetch,
  }),
} as const satisfies Record<string, EventFormat>;

/** Name of an event record. */
export type EventName = keyof typeof EVENTS;

const byType = new Map(
  (Object.keys(EVENTS) as EventName[]).map((name) => [EVENTS[name].type, name]),
);

/** The record's name, or undefined for an event number that the architecture does not define. */
export function eventName(words: readonly bigint[]): EventName | undefined {
  return byType.get(Number((words[0] ?? 0n) & 0xffn));
}

/**
 * The four words of an event record; the event number is filled in, fields not given are zero.
 * @throws RangeError when a field does not exist in this record or a value does not fit it.
 */
export function encodeEvent(name: EventName, values: Readonly<Record<string, bigint>>): bigint[] {
  const format: EventFormat = EVENTS[name];
  return format.layout.encode({ ...values, Type: BigInt(format.type) });
}
