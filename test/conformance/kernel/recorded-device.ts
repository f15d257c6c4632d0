import { guestRecord } from '@steward/host';
import { EVENT_CLASS, EVENTS, eventName } from '@steward/smmu';

export type EventRecord = readonly [bigint, bigint, bigint, bigint];

const { layout } = EVENTS.F_TRANSLATION;
const PAGE = 0x1000n;
/** VA bits that one descriptor of the guest's start level (1, of 39 bits) covers. */
const START_LEVEL_SHIFT = 30n;

/**
 * A record of ours as the emulated SMMU of the recording writes it. It departs from the architecture where stage 2 refuses a fetch
 * of the SMMU's own (the recording's README, "QEMU limits"; IHI 0070 §7.3.12):
 *
 * - of a CD: RnW says read;
 * - of a stage-1 table: S2 is 0, so that the fault looks like stage 1's;
 * - of the start-level table: nothing refuses, as its address was translated once for all with the CD. The walk goes on to the next
 *   table, or ends in an empty descriptor.
 * @param startTables IPAs of the guest's start-level tables; each has one entry, the first, for the table behind it.
 */
export function asRecorded(record: EventRecord, startTables: ReadonlySet<bigint>): EventRecord {
  if (eventName(record) !== 'F_TRANSLATION' || layout.get(record, 'S2') === 0n) return record;
  switch (layout.get(record, 'CLASS')) {
    case EVENT_CLASS.CD:
      return written(record, { RnW: 1n });
    case EVENT_CLASS.TT: {
      const table = layout.get(record, 'IPA');
      if (!startTables.has(table)) return written(record, { S2: 0n });
      const empty = layout.get(record, 'InputAddr') >> START_LEVEL_SHIFT !== 0n;
      return empty
        ? written(record, { S2: 0n, CLASS: EVENT_CLASS.IN, IPA: 0n })
        : written(record, { S2: 0n, IPA: table + PAGE });
    }
    default:
      return record;
  }
}

/** What the driver makes of a record that it would not have forwarded as ours was; undefined where nothing changes. */
export function alsoForwarded(
  record: EventRecord,
  recorded: EventRecord,
  vsid: number,
): EventRecord | undefined {
  return guestRecord(record, vsid) === undefined ? guestRecord(recorded, vsid) : undefined;
}

function written(record: EventRecord, fields: Parameters<typeof layout.encode>[0]): EventRecord {
  const [word0, word1, word2, word3] = layout.encode(fields, record);
  return [word0!, word1!, word2!, word3!];
}
