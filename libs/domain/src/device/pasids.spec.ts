import * as c from '../__fixtures__/commands';
import { given, history } from '../__fixtures__/given-when-then';
import type { Command, CommandOf } from '../aggregates';
import type { Emitted } from '../decision';

const { addDevice, addSmmu, bindDevice, createVm, registerHost } = c;
type AttachPasid = Extract<CommandOf<'device'>, { type: 'AttachPasid' }>;

/** A guest with a device of 8 PASID bits, two domains for PASIDs, one that is none, and a nest parent. */
const WORLD: readonly Command[] = [
  registerHost,
  { ...addSmmu, switches: { ssidBits: 16 } },
  { ...addDevice, pasidBits: 8 },
  createVm,
  bindDevice,
  c.createIoas,
  c.mapIova,
  c.allocateParent,
  { type: 'AllocateS1Domain', domain: 'a', ioas: 'i', device: 'd', pasid: true },
  { type: 'AllocateS1Domain', domain: 'b', ioas: 'i', device: 'd', pasid: true },
  { type: 'AllocateS1Domain', domain: 'plain', ioas: 'i', device: 'd' },
];
const NESTED: readonly Command[] = [...WORLD, c.createVsmmu, c.allocateVdevice, c.allocateDomain];

const attach = (id: string, pasid = 5, more: Partial<AttachPasid> = {}): AttachPasid => ({
  type: 'AttachPasid',
  device: 'd',
  pasid,
  target: { kind: 's1-domain', id },
  holder: 'iommufd',
  ...more,
});
const byKernel = (id: string, pasid = 5): AttachPasid => attach(id, pasid, { holder: 'kernel' });
const detach = (pasid: number, holder: 'iommufd' | 'kernel' = 'iommufd'): Command => ({
  type: 'DetachPasid',
  device: 'd',
  pasid,
  holder,
});
const attachDevice = (kind: 's1-domain' | 's2-parent' | 'nested-domain', id: string): Command => ({
  type: 'AttachDevice',
  device: 'd',
  target: { kind, id },
});
const on = (stream: string, event: Emitted['event'] & Record<string, unknown>): Emitted => ({
  stream,
  event,
});
const attached = (domain: string, pasid: number, more: Record<string, unknown> = {}): Emitted => {
  const event = { device: 'd', pasid, domain, holder: 'iommufd', ...more };
  return on('device/d', { type: 'DevicePasidAttached', ...event });
};
const joined = (domain: string, pasid: number): Emitted =>
  on(`s1-domain/${domain}`, { type: 'S1DomainJoined', device: 'd', pasid });
const gone = (domain: string, pasid: number): Emitted[] => [
  on('device/d', { type: 'DevicePasidDetached', device: 'd', pasid, domain }),
  on(`s1-domain/${domain}`, { type: 'S1DomainLeft', device: 'd', pasid }),
];

describe('AttachPasid', () => {
  it('puts a PASID on a domain, and reserves nothing in its IOAS', () => {
    given(...history(...WORLD))
      .when(attach('a'))
      .then(attached('a', 5), joined('a', 5));
  });

  it('again to the same domain changes nothing, to another replaces it', () => {
    const first = history(...WORLD, attach('a'));
    given(...first)
      .when(attach('a'))
      .thenNothingHappened();
    given(...first)
      .when(attach('b'))
      .then(attached('b', 5, { replaced: 'a' }), gone('a', 5)[1]!, joined('b', 5));
  });

  it('puts several PASIDs, and the device itself, on one domain', () => {
    const world = history(...WORLD, attach('a', 1), attachDevice('s1-domain', 'a'));
    given(...world)
      .when(attach('a', 2))
      .then(attached('a', 2), joined('a', 2));
  });

  it.each([[-1], [1.5], [256]])('refuses PASID %d of a device with 8 bits of them', (pasid) => {
    given(...history(...WORLD))
      .when(attach('a', pasid))
      .thenRejected('EINVAL', 'device.pasid-range');
  });

  it('needs the device, bound, and a domain of its VM', () => {
    given().when(attach('a')).thenRejected('ENODEV', 'device.absent');
    given(...history(registerHost, addSmmu, addDevice))
      .when(attach('a'))
      .thenRejected('EINVAL', 'device.unbound');
    given(...history(...WORLD))
      .when(attach('nowhere'))
      .thenRejected('ENOENT', 's1-domain.absent');
    given(...history(...WORLD))
      .when(attach('i', 5, { target: { kind: 'ioas', id: 'nowhere', automatic: 'auto' } }))
      .thenRejected('ENOENT', 'ioas.absent');
  });

  it('needs a domain that was made for PASIDs: no other, no parent, no nested one, and not an IOAS’s automatic one', () => {
    const world = given(...history(...NESTED));
    const targets = [
      { kind: 's1-domain', id: 'plain' },
      { kind: 's2-parent', id: 'p' },
      { kind: 'nested-domain', id: 'n' },
      { kind: 'ioas', id: 'i', automatic: 'auto' },
    ] as const;
    for (const target of targets) {
      world.when(attach('', 5, { target })).thenRejected('EINVAL', 'device.pasid-incompatible');
    }
  });

  it('needs the device itself on such a domain, or on none', () => {
    for (const to of [attachDevice('s1-domain', 'plain'), attachDevice('s2-parent', 'p')]) {
      given(...history(...WORLD, to))
        .when(attach('a'))
        .thenRejected('EINVAL', 'device.pasid-incompatible');
    }
    expect(
      given(...history(...WORLD, attachDevice('s1-domain', 'b'))).when(attach('a')).decision.ok,
    ).toBe(true);
  });

  it('refuses a domain of another SMMU', () => {
    const far = [
      ...c.SECOND_SMMU,
      { type: 'AllocateS1Domain', domain: 'f', ioas: 'i', device: 'far', pasid: true },
    ] as const;
    given(...history(...WORLD, ...far))
      .when(attach('f'))
      .thenRejected('EINVAL', 'device.pasid-refused');
  });

  it('of a device that can send none is kept by iommufd, and no driver hears of it', () => {
    const [host, , , ...rest] = WORLD;
    const world = history(host!, addSmmu, addDevice, ...rest, attach('a'));
    given(...world)
      .when(attachDevice('s2-parent', 'p'))
      .thenRejected('EINVAL', 'device.pasid-incompatible');
    const alone = history(host!, addSmmu, addDevice, ...rest, byKernel('a'));
    expect(given(...alone).when(attachDevice('s2-parent', 'p')).decision.ok).toBe(true);
  });
});

describe('AttachPasid by a driver of the host', () => {
  it('asks nobody what a domain was made for, and takes paging domains only', () => {
    given(...history(...NESTED))
      .when(byKernel('plain'))
      .then(attached('plain', 5, { holder: 'kernel' }), joined('plain', 5));
    const refused = (target: AttachPasid['target'], errno: 'EINVAL' | 'EOPNOTSUPP'): void => {
      const decision = given(...history(...NESTED)).when({ ...byKernel(''), target }).decision;
      expect(decision).toMatchObject({ ok: false, errno });
    };
    refused({ kind: 'nested-domain', id: 'n' }, 'EOPNOTSUPP');
    refused({ kind: 's2-parent', id: 'p' }, 'EINVAL');
    refused({ kind: 'ioas', id: 'i', automatic: 'auto' }, 'EINVAL');
  });

  it('finds a PASID taken, its own or iommufd’s, and iommufd finds its', () => {
    for (const first of [attach('a'), byKernel('a')]) {
      given(...history(...WORLD, first))
        .when(byKernel('a'))
        .thenRejected('EBUSY', 'device.pasid-attached');
    }
    given(...history(...WORLD, byKernel('a')))
      .when(attach('a'))
      .thenRejected('EBUSY', 'device.pasid-attached');
  });

  it('needs a CD table in the STE, or a blocked device', () => {
    for (const to of [attachDevice('s2-parent', 'p'), attachDevice('nested-domain', 'n')]) {
      given(...history(...NESTED, to))
        .when(byKernel('a'))
        .thenRejected('EINVAL', 'device.pasid-refused');
    }
  });
});

describe('PASID 0, by iommufd', () => {
  const nested = { target: { kind: 'nested-domain', id: 'n' } } as const;
  const itself = { ...nested, parent: 'p', vmid: 1, vste: ['0x4000100b', '0x0'] } as const;

  it('is the device’s traffic without a PASID: it takes any domain and reserves the window', () => {
    const events = history(...NESTED, attach('', 0, nested)).map(({ event }) => event);
    const attachedAsZero = { type: 'DeviceAttached', target: itself.target, asPasid: true };
    expect(events).toContainEqual(expect.objectContaining(attachedAsZero));
    expect(events).toContainEqual({ type: 'IoasWindowReserved', device: 'd' });
    const ioas = { target: { kind: 'ioas', id: 'i', automatic: 'auto' } } as const;
    expect(given(...history(...WORLD)).when(attach('', 0, ioas)).decision).toMatchObject({
      ok: true,
      answer: { domain: 'auto' },
    });
  });

  it('replaces what was attached as PASID 0, and is EBUSY beside an attach of the device', () => {
    expect(
      given(...history(...NESTED, attach('a', 0))).when(attach('', 0, nested)).decision.ok,
    ).toBe(true);
    const device = attachDevice('s1-domain', 'a');
    for (const [first, second] of [
      [attach('a', 0), device],
      [device, attach('a', 0)],
    ] as const) {
      given(...history(...WORLD, first))
        .when(second)
        .thenRejected('EBUSY', 'device.attached');
    }
    given(...history(...WORLD, attach('a', 0)))
      .when({
        type: 'AttachDevice',
        device: 'd',
        target: { kind: 'ioas', id: 'i', automatic: 'auto' },
      })
      .thenRejected('EBUSY', 'device.attached');
    given(...history(...WORLD, device))
      .when(attach('nowhere', 0))
      .thenRejected('ENOENT', 's1-domain.absent');
  });

  it('is detached as PASID 0 alone', () => {
    const world = given(...history(...WORLD, attach('a', 0)));
    world.when({ type: 'DetachDevice', device: 'd' }).thenNothingHappened();
    expect(world.when(detach(0)).decision).toMatchObject({
      events: expect.arrayContaining([
        on('device/d', {
          type: 'DeviceDetached',
          device: 'd',
          from: { kind: 's1-domain', id: 'a' },
        }),
      ]),
    });
    given(...history(...WORLD, attachDevice('s1-domain', 'a')))
      .when(detach(0))
      .thenNothingHappened();
  });

  it('goes before the other PASIDs when the device is closed', () => {
    const world = history(...WORLD, attach('a', 0), attach('b', 7));
    const decision = given(...world).when({ type: 'ReleaseDevice', device: 'd' }).decision;
    const types = decision.ok ? decision.events.map(({ event }) => event.type) : [];
    expect(types.filter((type) => type.startsWith('Device'))).toEqual([
      'DeviceDetached',
      'DevicePasidDetached',
      'DeviceReleased',
    ]);
  });

  it('does not fit in VFIO’s allocator from 2^31 on (ENOSPC); of a driver of the host it is no PASID', () => {
    given(...history(...WORLD))
      .when(attach('nowhere', 2 ** 31))
      .thenRejected('ENOSPC', 'device.pasid-range');
    given(...history(...WORLD))
      .when(byKernel('a', 0))
      .thenRejected('EINVAL', 'device.pasid-range');
  });
});

describe('an attach while PASIDs are attached', () => {
  const targets = [
    ['s2-parent', 'p'],
    ['nested-domain', 'n'],
  ] as const;

  it.each(targets)(
    'to a %s is refused by iommufd (EINVAL), or by the driver (EBUSY)',
    (kind, id) => {
      given(...history(...NESTED, attach('a')))
        .when(attachDevice(kind, id))
        .thenRejected('EINVAL', 'device.pasid-incompatible');
      given(...history(...NESTED, byKernel('a')))
        .when(attachDevice(kind, id))
        .thenRejected('EBUSY', 'device.pasids-in-use');
    },
  );

  it.each(targets)('to a %s goes again once they are detached', (kind, id) => {
    const world = history(...NESTED, attach('a'), byKernel('b', 6), detach(5), detach(6, 'kernel'));
    expect(given(...world).when(attachDevice(kind, id)).decision.ok).toBe(true);
  });

  it('goes to a domain that was made to have them beside, not to another nor to an IOAS', () => {
    const world = given(...history(...WORLD, attach('a')));
    expect(world.when(attachDevice('s1-domain', 'b')).decision.ok).toBe(true);
    const ioas = { kind: 'ioas', id: 'i', automatic: 'auto' } as const;
    for (const target of [{ kind: 's1-domain', id: 'plain' } as const, ioas]) {
      world
        .when({ type: 'AttachDevice', device: 'd', target })
        .thenRejected('EINVAL', 'device.pasid-incompatible');
    }
  });
});

describe('DetachPasid', () => {
  it('lets the domain go, which was in use until then', () => {
    const world = history(...WORLD, attach('a'));
    const free = { type: 'FreeS1Domain', domain: 'a' } as const;
    given(...world)
      .when(free)
      .thenRejected('EBUSY', 's1-domain.attached');
    given(...world)
      .when(detach(5))
      .then(...gone('a', 5));
    expect(given(...world, ...gone('a', 5)).when(free).decision.ok).toBe(true);
  });

  it('changes nothing where nothing is attached, or somebody else attached it', () => {
    given(...history(...WORLD))
      .when(detach(5))
      .thenNothingHappened();
    given(...history(...WORLD, byKernel('a')))
      .when(detach(5))
      .thenNothingHappened();
  });

  it('needs the device', () => {
    given().when(detach(5)).thenRejected('ENODEV', 'device.absent');
  });
});

describe('the end of a device with PASIDs', () => {
  it('detaches first the host driver’s, then iommufd’s from the lowest on, then the device', () => {
    const world = history(...WORLD, attach('b', 7), attach('a', 3), byKernel('a', 9));
    given(...world)
      .when({ type: 'ReleaseDevice', device: 'd' })
      .then(
        ...gone('a', 9),
        ...gone('a', 3),
        ...gone('b', 7),
        on('device/d', { type: 'DeviceReleased', device: 'd' }),
      );
  });

  it('resets it while they are attached', () => {
    const [host, smmu, device, ...rest] = WORLD;
    const resets = { ...device, resets: true } as Command;
    const world = history(host!, smmu!, resets, ...rest, attach('a', 3));
    given(...world)
      .when({ type: 'ReleaseDevice', device: 'd' })
      .then(
        on('device/d', { type: 'DeviceReset', device: 'd', restored: false }),
        ...gone('a', 3),
        on('device/d', { type: 'DeviceReleased', device: 'd' }),
      );
  });
});

it.each([[0], [21], [2.5]])('AddDevice refuses %d bits of PASID', (pasidBits) => {
  given(...history(registerHost, addSmmu))
    .when({ ...addDevice, pasidBits })
    .thenRejected('EINVAL', 'device.pasid-bits');
});
