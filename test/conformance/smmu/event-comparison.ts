import { EVENTS, eventName, type EventFormat } from '@steward/smmu';
import type { EventFields } from './vector-format';

/** Names of the vectors' event fields in the architecture's event records. */
const FIELDS: Readonly<Record<string, string>> = {
  typeCode: 'Type',
  sid: 'StreamID',
  ssv: 'SSV',
  ssid: 'SubstreamID',
  stall: 'Stall',
  stag: 'STAG',
  pnu: 'PnU',
  ind: 'InD',
  rnw: 'RnW',
  nsipa: 'NSIPA',
  s2: 'S2',
  class: 'CLASS',
  inputAddr: 'InputAddr',
  ipa: 'IPA',
  fetchAddr: 'FetchAddr',
};

/** Bits [51:12] of the IPA are compared. */
const IPA_MASK = 0xf_ffff_ffff_f000n;

/**
 * A record with the field names of the vectors. Fields that its kind of record does not have are
 * absent.
 */
export function decodeRecord(words: readonly bigint[]): EventFields {
  const name = eventName(words);
  if (name === undefined) return { type: 'unknown' };
  const { layout }: EventFormat = EVENTS[name];
  const fields: Record<string, unknown> = {};
  for (const [ours, theirs] of Object.entries(FIELDS)) {
    if (!(theirs in layout.fields)) continue;
    const named = theirs === 'CLASS' ? layout.nameOf(words, theirs) : undefined;
    fields[ours] = named ?? layout.get(words, theirs);
  }
  return { ...fields, type: name };
}

/**
 * Whether a record is the expected one, in the fields that the expectation gives and calls
 * reliable. What the architecture's record has no room for (an IPA in F_WALK_EABT) cannot be
 * compared.
 */
export function sameEvent(actual: EventFields, expected: EventFields): boolean {
  if (actual.type !== expected.type) return false;
  return Object.entries(expected).every(([name, value]) => {
    if (!(name in FIELDS) || !(name in actual) || expected.unreliable?.includes(name) === true)
      return true;
    if (name === 'class') return actual[name] === value;
    const mask = name === 'ipa' ? IPA_MASK : -1n;
    return (number(actual[name]) & mask) === (number(value) & mask);
  });
}

function number(value: unknown): bigint {
  return BigInt(value as string | number | bigint);
}
