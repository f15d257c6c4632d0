import { eventStreamId, guestRecord } from './fault-events';
import type { EventRecord } from './event-queue';

const SID = 0x10n << 32n;
const S2 = 1n << 39n;
const STALL = 1n << 31n;
const record = (type: bigint, word1 = 0n): EventRecord => [SID | type, word1, 0x1000n, 0n];
const FORWARDED = [0x04, 0x06, 0x08, 0x0a, 0x10, 0x11, 0x12, 0x13];

describe('an event record on its way to a guest', () => {
  it('keeps everything but the StreamID', () => {
    const original: EventRecord = [SID | 0x10n, 0x0000_0a08_0000_0000n, 0x1234n, 0n];
    expect(eventStreamId(original)).toBe(0x10);
    expect(guestRecord(original, 0x55)).toEqual([
      (0x55n << 32n) | 0x10n,
      original[1],
      original[2],
      original[3],
    ]);
  });

  it('passes for exactly the events that are the guest’s own', () => {
    const passed = Array.from({ length: 256 }, (_, type) => type).filter(
      (type) => guestRecord(record(BigInt(type)), 1) !== undefined,
    );
    expect(passed).toEqual(FORWARDED);
  });

  it('stays with the host for stage-2 faults and stalled transactions', () => {
    expect(guestRecord(record(0x10n, S2), 1)).toBeUndefined();
    expect(guestRecord(record(0x13n, STALL), 1)).toBeUndefined();
  });
});
