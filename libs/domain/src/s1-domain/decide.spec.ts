import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import type { Command } from '../aggregates';

const make: Command = { type: 'AllocateS1Domain', domain: 's1', ioas: 'i', device: 'd' };
const toIoas = (automatic: string, device = 'd'): Command => ({
  type: 'AttachDevice',
  device,
  target: { kind: 'ioas', id: 'i', automatic },
});
const world = [...c.BOUND, c.createIoas, c.mapIova] as const;
const TWIN: readonly Command[] = [
  { ...c.addDevice, device: 'e', streamIds: [9] },
  { ...c.bindDevice, device: 'e' },
];
const FREE: Command = { type: 'FreeS1Domain', domain: 's1' };

describe('a stage-1 domain', () => {
  it('takes the lowest ASID that no device’s own domain holds', () => {
    const { decision } = given(...history(...world)).when(make);
    expect(decision).toMatchObject({
      events: [{ event: { asid: 2 } }, { event: { asid: 2 } }, {}],
    });
  });

  it('gives its ASID back, and lets go of its IOAS', () => {
    const after = new History(history(...world, make, FREE));
    expect(after.get('host', 'h')?.asids).toEqual([{ first: 1, last: 1 }]);
    expect(after.get('ioas', 'i')?.tables.size).toBe(0);
    given(...history(...world, make))
      .when({ type: 'FreeIoas', ioas: 'i' })
      .thenRejected('EBUSY', 'ioas.mirrored');
  });

  it('is busy while a device is attached', () => {
    given(
      ...history(...world, make, {
        ...c.attach('s2-parent', ''),
        target: { kind: 's1-domain', id: 's1' },
      }),
    )
      .when(FREE)
      .thenRejected('EBUSY', 's1-domain.attached');
  });

  it('is made by an attach to an IOAS, shared by devices of one SMMU, and goes with the last', () => {
    const shared = [...world, ...TWIN, toIoas('x'), toIoas('y', 'e')];
    const during = new History(history(...shared));
    expect(during.get('s1-domain', 'x')?.attached).toEqual(new Set(['d', 'e']));
    expect(during.get('s1-domain', 'y')).toBeUndefined();
    const one = new History(history(...shared, c.detach));
    expect(one.get('s1-domain', 'x')?.freed).toBe(false);
    const none = new History(history(...shared, c.detach, { ...c.detach, device: 'e' }));
    expect(none.get('s1-domain', 'x')?.freed).toBe(true);
  });

  it('of another SMMU is another domain of the same IOAS', () => {
    const two = new History(history(...world, ...c.SECOND_SMMU, toIoas('x'), toIoas('y', 'far')));
    expect([...two.get('ioas', 'i')!.tables.keys()]).toEqual(['s1-domain/x', 's1-domain/y']);
  });

  it('limits what its IOAS maps, and refuses one that maps more', () => {
    const high = { ...c.mapIova, iova: '0x1000000000000', length: '0x1000' } as const;
    given(...history(...world, make))
      .when(high)
      .thenRejected('EINVAL', 'ioas.aperture');
    given(...history(...world, high))
      .when(make)
      .thenRejected('EADDRINUSE', 'ioas.aperture');
  });
});

describe('ReleaseDevice', () => {
  it('detaches, takes the vDEVICE along and gives the device back', () => {
    const release: Command = { type: 'ReleaseDevice', device: 'd' };
    const { decision } = given(...history(...c.NESTED, c.attach('nested-domain', 'n'))).when(
      release,
    );
    const types = decision.ok ? decision.events.map(({ event }) => event.type) : [];
    expect(types).toEqual([
      'DeviceDetached',
      'IoasWindowReleased',
      'NestedDomainLeft',
      'VdeviceFreed',
      'DeviceDevirtualized',
      'DeviceReleased',
    ]);
    const after = new History(history(...c.NESTED, c.attach('nested-domain', 'n'), release));
    expect(after.get('device', 'd')?.vm).toBeUndefined();
    expect(after.get('vsmmu', 'vs')?.vdevices.size).toBe(0);
  });

  it('resets first what can be reset while it is attached', () => {
    const resets = { ...c.addDevice, resets: true };
    const [host, smmu, , ...rest] = c.NESTED;
    const world2 = [host!, smmu!, resets, ...rest];
    const release: Command = { type: 'ReleaseDevice', device: 'd' };
    const { decision } = given(...history(...world2, c.attach('nested-domain', 'n'))).when(release);
    expect(decision).toMatchObject({
      ok: true,
      events: expect.arrayContaining([
        { stream: 'device/d', event: { type: 'DeviceReset', device: 'd', restored: true } },
      ]) as unknown,
    });
  });
});
