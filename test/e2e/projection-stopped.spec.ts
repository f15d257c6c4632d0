import { Projection } from '@steward/control';
import { DEVICE, SmallGuest } from './small-guest';

describe('a machine that cannot follow a commit', () => {
  test('stops loudly, names the commit, and lets nothing more into the log', async () => {
    const guest = await SmallGuest.open();
    const { machine } = guest.app.get(Projection);
    const apply = machine.apply.bind(machine);
    const poisoned = (await guest.ledger.latest()) + 1;
    machine.apply = (commit) => {
      if (commit.position === poisoned) throw new Error('poison');
      return apply(commit);
    };
    const detach = { type: 'DetachDevice', device: DEVICE } as const;
    const stopped = `the machine stopped at commit ${poisoned}: poison`;
    await expect(guest.issue('operator', detach)).rejects.toThrow(stopped);
    await expect(guest.issue('operator', detach)).rejects.toThrow(stopped);
    expect(await guest.ledger.latest()).toBe(poisoned);
    expect(await guest.ledger.verify()).toMatchObject({ ok: true });
    // What the log says is intact: a machine that can follow it does.
    const again = await SmallGuest.open(await guest.close({ keep: true }));
    expect(again.machine.physicalSte(DEVICE)).toEqual([1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
    await again.close();
  });
});
