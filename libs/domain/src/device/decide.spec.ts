import * as c from '../__fixtures__/commands';
import { given, history } from '../__fixtures__/given-when-then';
import { ImpossibleEventError } from '../decision';
import type { Emitted } from '../decision';
import { evolve } from './state';

const { addDevice, addSmmu, bindDevice, createVm, registerHost } = c;
const on = (stream: string, event: Emitted['event'] & Record<string, unknown>): Emitted => ({
  stream,
  event,
});
const attached = (id: string, more: Record<string, unknown>): Emitted =>
  on('device/d', { type: 'DeviceAttached', device: 'd', target: target(id), ...more });
const target = (id: string) => ({ kind: 'nested-domain', id }) as const;
const joined = (id: string): Emitted =>
  on(`nested-domain/${id}`, { type: 'NestedDomainJoined', device: 'd' });
const left = (id: string): Emitted =>
  on(`nested-domain/${id}`, { type: 'NestedDomainLeft', device: 'd' });
const reserved = on('ioas/i', { type: 'IoasWindowReserved', device: 'd' });
const STAGE2 = { parent: 'p', vmid: 1 };
const NESTED_ON_N = { ...STAGE2, vste: c.S1_VSTE, vsid: 0x10, vsmmu: 'vs' };
const OWNER = { owner: 'device/d' };

describe('AddDevice', () => {
  const base = history(registerHost, addSmmu);

  it('claims the StreamIDs on the SMMU and lists the device on the host', () => {
    const { type: _, ...rest } = addDevice;
    given(...base)
      .when(addDevice)
      .then(
        on('device/d', { type: 'DeviceAdded', host: 'h', ...rest, dmaAsid: 1 }),
        on('smmu/s', { type: 'SmmuStreamIdsClaimed', device: 'd', streamIds: [8] }),
        on('host/h', { type: 'HostDeviceListed', device: 'd', smmu: 's' }),
        on('host/h', { type: 'HostAsidAllocated', asid: 1, ...OWNER }),
      );
  });

  it('needs an SMMU', () => {
    given().when(addDevice).thenRejected('ENOENT', 'smmu.absent');
  });

  it('happens once', () => {
    given(...history(registerHost, addSmmu, addDevice))
      .when({ ...addDevice, streamIds: [9] })
      .thenRejected('EEXIST', 'device.exists');
  });

  it.each([[[]], [[-1]], [[1.5]], [[2 ** 16]], [[8, 2 ** 16]]])(
    'refuses StreamIDs %j, which the SMMU does not have',
    (streamIds) => {
      given(...base)
        .when({ ...addDevice, streamIds })
        .thenRejected('EINVAL', 'device.stream-id');
    },
  );

  it('takes the last StreamID of the SMMU', () => {
    const command = { ...addDevice, streamIds: [2 ** 16 - 1] };
    expect(given(...base).when(command).decision.ok).toBe(true);
  });

  it('refuses a StreamID that is taken, or named twice', () => {
    given(...history(registerHost, addSmmu, addDevice))
      .when({ ...addDevice, device: 'other', streamIds: [7, 8] })
      .thenRejected('EEXIST', 'device.stream-id-taken');
    given(...base)
      .when({ ...addDevice, streamIds: [7, 7] })
      .thenRejected('EEXIST', 'device.stream-id-taken');
  });
});

describe('BindDevice', () => {
  const base = history(registerHost, addSmmu, addDevice, createVm);

  it('gives the device to the VM', () => {
    given(...base)
      .when(bindDevice)
      .then(on('device/d', { type: 'DeviceBound', device: 'd', vm: 'v' }));
  });

  it('needs device and VM', () => {
    given().when(bindDevice).thenRejected('ENODEV', 'device.absent');
    given(...history(registerHost, addSmmu, addDevice))
      .when(bindDevice)
      .thenRejected('ENOENT', 'vm.absent');
  });

  it('refuses a bound device, to its own VM too', () => {
    given(...history(...c.BOUND))
      .when(bindDevice)
      .thenRejected('EBUSY', 'device.bound');
  });

  it('refuses a VM of another host', () => {
    const elsewhere = history(
      { ...registerHost, host: 'h2' },
      { ...createVm, vm: 'v2', host: 'h2' },
    );
    given(...base, ...elsewhere)
      .when({ ...bindDevice, vm: 'v2' })
      .thenRejected('EINVAL', 'device.other-host');
  });
});

describe('AttachDevice', () => {
  const base = history(...c.NESTED);

  it('to a nested domain records parent, VMID, vSTE and vSID, and reserves the MSI window', () => {
    given(...base)
      .when(c.attach('nested-domain', 'n'))
      .then(attached('n', NESTED_ON_N), reserved, joined('n'));
  });

  it('again to the same target changes nothing', () => {
    given(...history(...c.NESTED, c.attach('nested-domain', 'n')))
      .when(c.attach('nested-domain', 'n'))
      .thenNothingHappened();
  });

  it('to another domain replaces the first, in one decision', () => {
    const second = { ...c.allocateDomain, domain: 'n2' };
    given(...history(...c.NESTED, second, c.attach('nested-domain', 'n')))
      .when(c.attach('nested-domain', 'n2'))
      .then(attached('n2', { ...NESTED_ON_N, replaced: target('n') }), left('n'), joined('n2'));
  });

  it('to a stage-2 parent needs no vDEVICE and records no vSTE', () => {
    const onParent = { kind: 's2-parent', id: 'p' };
    given(...history(...c.PARENTED))
      .when(c.attach('s2-parent', 'p'))
      .then(
        on('device/d', { type: 'DeviceAttached', device: 'd', target: onParent, ...STAGE2 }),
        reserved,
        on('s2-parent/p', { type: 'NestParentJoined', user: 'device/d' }),
      );
  });

  it('to a vSTE that translates needs a vDEVICE, to a bypassing one it does not', () => {
    const without = [...c.PARENTED, c.createVsmmu];
    given(...history(...without, c.allocateDomain))
      .when(c.attach('nested-domain', 'n'))
      .thenRejected('ENOENT', 'device.no-vdevice');
    given(...history(...without, { ...c.allocateDomain, vste: c.BYPASS_VSTE }))
      .when(c.attach('nested-domain', 'n'))
      .then(attached('n', { ...STAGE2, vste: c.BYPASS_VSTE }), reserved, joined('n'));
  });

  it('needs the device, and bound', () => {
    given().when(c.attach('s2-parent', 'p')).thenRejected('ENODEV', 'device.absent');
    given(...history(registerHost, addSmmu, addDevice))
      .when(c.attach('s2-parent', 'p'))
      .thenRejected('EINVAL', 'device.unbound');
  });

  it('finds nothing that is absent, freed, or of another VM', () => {
    const world = history(...c.NESTED, ...c.SECOND_GUEST);
    given(...world)
      .when(c.attach('nested-domain', 'none'))
      .thenRejected('ENOENT', 'nested-domain.absent');
    given(...world)
      .when(c.attach('nested-domain', 'n', 'd2'))
      .thenRejected('ENOENT', 'nested-domain.absent');
    given(...world)
      .when(c.attach('s2-parent', 'p', 'd2'))
      .thenRejected('ENOENT', 's2-parent.absent');
    given(...history(...c.NESTED, { type: 'FreeNestedDomain', domain: 'n' }))
      .when(c.attach('nested-domain', 'n'))
      .thenRejected('ENOENT', 'nested-domain.absent');
  });

  it('refuses a parent on another SMMU', () => {
    given(...history(...c.PARENTED, ...c.SECOND_SMMU))
      .when(c.attach('s2-parent', 'p', 'far'))
      .thenRejected('EINVAL', 'device.other-smmu');
  });

  it('refuses an IOAS that maps the software-MSI window', () => {
    const inWindow = { ...c.mapIova, iova: '0x80ff000', length: '0x1000' } as const;
    given(...history(...c.PARENTED, inWindow))
      .when(c.attach('s2-parent', 'p'))
      .thenRejected('EADDRINUSE', 'ioas.reserved');
  });
});

describe('DetachDevice', () => {
  it('leaves the domain', () => {
    given(...history(...c.NESTED, c.attach('nested-domain', 'n')))
      .when(c.detach)
      .then(
        on('device/d', { type: 'DeviceDetached', device: 'd', from: target('n') }),
        on('ioas/i', { type: 'IoasWindowReleased', device: 'd' }),
        left('n'),
      );
  });

  it('of a detached device changes nothing', () => {
    given(...history(...c.BOUND))
      .when(c.detach)
      .thenNothingHappened();
  });

  it('needs the device', () => {
    given().when(c.detach).thenRejected('ENODEV', 'device.absent');
  });
});

describe('the history of a device', () => {
  const { type: _, ...fields } = addDevice;
  const added = evolve(undefined, { type: 'DeviceAdded', host: 'h', ...fields });
  const bound = { type: 'DeviceBound', device: 'd', vm: 'v' } as const;
  const virtual = { type: 'DeviceVirtualized', device: 'd', vsmmu: 'vs', vsid: 1 } as const;
  const onParent = { kind: 's2-parent', id: 'p' } as const;

  it.each([
    ['added twice', () => evolve(added, { type: 'DeviceAdded', host: 'h', ...fields })],
    ['bound before added', () => evolve(undefined, bound)],
    ['bound twice', () => evolve(evolve(added, bound), bound)],
    ['virtualized twice', () => evolve(evolve(added, virtual), virtual)],
    [
      'attached while not bound',
      () => evolve(added, { type: 'DeviceAttached', device: 'd', target: onParent, ...STAGE2 }),
    ],
    [
      'detached while not attached',
      () => evolve(added, { type: 'DeviceDetached', device: 'd', from: onParent }),
    ],
  ])('cannot have it %s', (_name, fold) => {
    expect(fold).toThrow(ImpossibleEventError);
  });
});
