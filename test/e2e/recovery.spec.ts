import { vsmmuOf } from '@steward/control';
import { MACHINE_VERSION } from '@steward/machine';
import { replay } from '@steward/replay';
import { DEVICE, GUEST, SmallGuest } from './small-guest';

const S1 = [0x0000_0000_4002_000bn, 0xd6n] as const;

describe('a ledger opened again', () => {
  test('a command id that comes back gets the stored answer and no second event', async () => {
    const guest = await SmallGuest.open();
    const command = { type: 'DetachDevice', device: DEVICE } as const;
    const first = await guest.issue('operator', command, 'once');
    const latest = await guest.ledger.latest();
    expect(await guest.issue('operator', command, 'once')).toEqual(first);
    expect(await guest.ledger.latest()).toBe(latest);
    await guest.close();
  });

  test('gives the same state, and its guest goes on', async () => {
    const guest = await SmallGuest.open();
    await guest.changeSte(S1);
    const ste = guest.machine.physicalSte(DEVICE);
    const folder = await guest.close({ keep: true });
    const again = await SmallGuest.open(folder);
    expect(again.machine.physicalSte(DEVICE)).toEqual(ste);
    expect(await again.changeSte([1n, 0n])).toMatchObject({ ok: true });
    expect(again.machine.physicalSte(DEVICE)[0]).toBe(1n);
    await again.close();
  });

  test('rebuilds effects and read models that were deleted, to the recorded digests', async () => {
    const guest = await SmallGuest.open();
    await guest.changeSte(S1);
    const folder = await guest.close({ keep: true });
    const again = await SmallGuest.open(folder);
    const latest = await again.ledger.latest();
    const effects = [...again.readModels.effects.range()];
    const spans = [...again.readModels.attachments.find({})];
    expect(effects.length).toBeGreaterThan(0);
    again.readModels.clear();
    expect([...again.readModels.effects.range()]).toEqual([]);
    const rebuilt = await SmallGuest.open(await again.close({ keep: true }));
    expect([...rebuilt.readModels.effects.range()]).toEqual(effects);
    const strip = (list: typeof spans) => list.map(({ spanId: _, ...span }) => span);
    expect(strip([...rebuilt.readModels.attachments.find({})])).toEqual(strip(spans));
    const result = await replay(rebuilt.ledger, rebuilt.readModels.digests);
    expect(result).toMatchObject({ diverged: null, position: latest });
    expect(result.digest).toBe(result.recordedDigest);
    expect(rebuilt.readModels.digests.at(latest)?.machineVersion).toBe(MACHINE_VERSION);
    await rebuilt.close();
  });

  test('a VMM whose reaction a crash cut off finishes it once', async () => {
    const guest = await SmallGuest.open();
    const { writer } = guest.app.get<{ writer: { write: (...args: unknown[]) => unknown } }>(
      (await import('@steward/control')).HostLanes as never,
    );
    const write = writer.write.bind(writer);
    let left = 2; // The guest's own command and the first of the reaction, then the power goes.
    writer.write = (...args: unknown[]) => {
      if (left-- === 0) throw new Error('power lost');
      return write(...args);
    };
    await guest.store([]).catch(() => undefined);
    left = 3;
    await expect(guest.changeSte(S1)).rejects.toThrow('power lost');
    expect(guest.machine.physicalSte(DEVICE)[0]).not.toBe(0x4002_000fn);
    const again = await SmallGuest.open(await guest.close({ keep: true }));
    expect(again.machine.physicalSte(DEVICE)[0]).toBe(0x4002_000fn);
    const queues = again.machine.queuesOf(vsmmuOf(GUEST));
    expect(queues.read('CMDQ_CONS')).toBe(queues.read('CMDQ_PROD'));
    const allocated = (await again.commits()).filter(
      (c) => c.command['type'] === 'AllocateNestedDomain' && c.command['domain'] !== undefined,
    );
    const ids = allocated.map((c) => c.command['domain']);
    expect(new Set(ids).size).toBe(ids.length);
    await again.close();
  });
});
