import type { Access } from './machine';

/** IHI 0070 §7.3. */
export const EVENT = {
  C_BAD_STREAMID: 0x02n,
  F_STE_FETCH: 0x03n,
  C_BAD_STE: 0x04n,
  F_BAD_ATS_TREQ: 0x05n,
  F_STREAM_DISABLED: 0x06n,
  F_TRANSL_FORBIDDEN: 0x07n,
  C_BAD_SUBSTREAMID: 0x08n,
  F_CD_FETCH: 0x09n,
  C_BAD_CD: 0x0an,
  F_WALK_EABT: 0x0bn,
  F_TRANSLATION: 0x10n,
  F_ADDR_SIZE: 0x11n,
  F_ACCESS: 0x12n,
  F_PERMISSION: 0x13n,
} as const;

export type EventKind = keyof typeof EVENT;

/** What the failing operation was for: CD fetch, stage-1 table fetch, the input address itself. */
export type Purpose = 'CD' | 'TT' | 'IN';
const CLASS = { CD: 0n, TT: 1n, IN: 2n } as const;

/** Why a transaction got no further. Thrown, for the reading is then at its end. */
export class Fault {
  constructor(
    readonly kind: EventKind,
    readonly about: {
      readonly stage2?: boolean;
      readonly purpose?: Purpose;
      readonly ipa?: bigint;
      readonly fetchAddress?: bigint;
      /** F_PERMISSION of a stage-1 table: it was read, not updated. */
      readonly tableRead?: boolean;
      /** The fault follows from stage 1 not translating (§3.4): always an abort with a record. */
      readonly bypass?: boolean;
    } = {},
  ) {}

  /** One of the four that CD.{A,R,S} and STE.{S2R,S2S} govern (§5.5). */
  get governed(): boolean {
    return EVENT[this.kind] >= EVENT.F_TRANSLATION && this.about.bypass !== true;
  }
}

/** The end of a transaction of which nothing is recorded. */
export class SilentAbort {}

/** The four words that report a fault (§7.3). `stag` is there when the transaction waits. */
export function record(fault: Fault, access: Access, stag?: number): bigint[] {
  const number = EVENT[fault.kind];
  const { stage2, purpose, ipa, fetchAddress, tableRead } = fault.about;
  const withSubstream = access.substreamId !== undefined && fault.kind !== 'C_BAD_SUBSTREAMID';
  const words: [bigint, bigint, bigint, bigint] = [
    number |
      (withSubstream ? 1n << 11n : 0n) |
      (BigInt(access.substreamId ?? 0) << 12n) |
      (BigInt(access.streamId) << 32n),
    0n,
    0n,
    0n,
  ];
  const flag = (on: boolean | undefined, at: bigint): bigint => (on === true ? 1n << at : 0n);
  if (number >= EVENT.F_WALK_EABT || number === EVENT.F_TRANSL_FORBIDDEN) {
    words[1] =
      flag(access.privileged, 33n) | flag(access.instruction, 34n) | flag(!access.write, 35n);
    words[2] = access.address;
  }
  if (number === EVENT.F_BAD_ATS_TREQ) words[2] = access.address;
  if (number >= EVENT.F_WALK_EABT) {
    words[1] |= flag(stage2, 39n) | (CLASS[purpose ?? 'IN'] << 40n) | flag(tableRead, 44n);
  }
  if (fetchAddress !== undefined) words[3] = fetchAddress & ~7n;
  if (stage2 === true && ipa !== undefined) words[3] = (ipa >> 12n) << 12n;
  if (stage2 === true && fetchAddress !== undefined) words[3] = fetchAddress & ~7n;
  if (stag !== undefined) words[1] |= (1n << 31n) | BigInt(stag);
  return words;
}
