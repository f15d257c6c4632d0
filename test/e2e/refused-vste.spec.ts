import { encodeEvent, eventName, STE } from '@steward/smmu';
import { deviceOf, vsmmuOf } from '@steward/control';
import { DEVICE, GUEST, LAYOUT, SmallGuest, VSID } from './small-guest';

const S1 = [0x0000_0000_4002_000bn, 0xd6n] as const;
/** Config=110, stage 2 only: nothing a guest without stage 2 may ask for. */
const S2_ONLY = [0xdn, 0n] as const;

describe('a vSTE that the kernel refuses', () => {
  let guest: SmallGuest;
  beforeEach(async () => {
    guest = await SmallGuest.open();
    expect(await guest.changeSte(S1)).toMatchObject({ ok: true });
  });
  afterEach(() => guest.close());

  test('is in the journal with EIO, and is no event', async () => {
    const before = await guest.ledger.latest();
    await guest.changeSte(S2_ONLY);
    const refused = (await guest.commits(before)).filter((c) => !c.outcome.ok);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({
      actor: `vmm:${GUEST}`,
      command: { type: 'AllocateNestedDomain', vste: ['0xd', '0x0'] },
      outcome: { ok: false, errno: 'EIO', code: 'vste.refused' },
      events: [],
    });
  });

  test('puts the abort STE in force', async () => {
    expect(STE.nameOf(guest.machine.physicalSte(DEVICE), 'Config')).toBe('NESTED');
    await guest.changeSte(S2_ONLY);
    expect(guest.machine.physicalSte(DEVICE)).toEqual([1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
  });

  test('puts one C_BAD_STE for that vSID into the event queue in guest RAM', async () => {
    await guest.changeSte(S2_ONLY);
    const record = encodeEvent('C_BAD_STE', { StreamID: BigInt(VSID) });
    const stored = [0, 8, 16, 24].map((o) => guest.machine.readGuest(GUEST, LAYOUT.eventq + o));
    expect(stored).toEqual(record);
    expect(eventName(record)).toBe('C_BAD_STE');
    expect(guest.machine.queuesOf(vsmmuOf(GUEST)).pendingEvents()).toEqual([record]);
  });

  test('changes nothing else: only the attach, the old domain, the event and CMDQ_CONS', async () => {
    const before = await guest.ledger.latest();
    await guest.changeSte(S2_ONLY);
    const types = (await guest.commits(before)).flatMap((c) => c.events.map((e) => e.type));
    expect(types).toEqual([
      'GuestMemoryWritten',
      'GuestCommandsQueued',
      'DeviceAttached',
      'NestedDomainLeft',
      'NestedDomainJoined',
      'NestedDomainFreed',
      'VsmmuLeft',
      'GuestEventRecorded',
      'GuestCommandsCompleted',
    ]);
  });

  test('does not stop the guest: its next good vSTE is in force again', async () => {
    await guest.changeSte(S2_ONLY);
    await guest.changeSte(S1);
    expect(STE.nameOf(guest.machine.physicalSte(deviceOf(GUEST, VSID)), 'Config')).toBe('NESTED');
  });
});
