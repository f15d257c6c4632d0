import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import { ImpossibleEventError } from '../decision';
import { s2ParentDecider } from './decide';
import { evolve } from './state';

const ready = history(...c.BOUND, c.createIoas);
const allocated = history(...c.PARENTED);
const event = { ...c.mapDoorbell, type: 'SoftwareMsiMapped' } as const;

describe('AllocateNestParent', () => {
  it('takes the lowest free VMID of the device’s SMMU', () => {
    given(...ready)
      .when(c.allocateParent)
      .then(
        {
          stream: 's2-parent/p',
          event: {
            type: 'NestParentAllocated',
            parent: 'p',
            vm: 'v',
            ioas: 'i',
            smmu: 's',
            vmid: 1,
          } as never,
        },
        {
          stream: 'smmu/s',
          event: { type: 'SmmuVmidAllocated', vmid: 1, parent: 'p' } as never,
        },
        {
          stream: 'ioas/i',
          event: { type: 'IoasTableAdded', table: 's2-parent/p', inputSize: 44 } as never,
        },
      );
    const { decision } = given(...allocated).when({ ...c.allocateParent, parent: 'next' });
    expect(decision).toMatchObject({
      events: [{ event: { vmid: 2 } }, { event: { vmid: 2 } }, {}],
    });
  });

  it('happens once an id', () => {
    given(...allocated)
      .when(c.allocateParent)
      .thenRejected('EEXIST', 's2-parent.exists');
  });

  it('needs a bound device and an IOAS of its VM', () => {
    given().when(c.allocateParent).thenRejected('ENOENT', 'device.absent');
    given(...history(c.registerHost, c.addSmmu, c.addDevice, c.createVm, c.createIoas))
      .when(c.allocateParent)
      .thenRejected('ENOENT', 'device.absent');
    given(...history(...c.BOUND))
      .when(c.allocateParent)
      .thenRejected('ENOENT', 'ioas.absent');
    given(...history(...c.PARENTED, ...c.SECOND_GUEST))
      .when({ ...c.allocateParent, parent: 'next', ioas: 'i2' })
      .thenRejected('ENOENT', 'ioas.absent');
  });

  it('needs an SMMU that nests', () => {
    const [registerHost, addSmmu, ...rest] = c.BOUND;
    const stage1Only = { ...(addSmmu as typeof c.addSmmu), switches: { nesting: false } };
    given(...history(registerHost!, stage1Only, ...rest, c.createIoas))
      .when(c.allocateParent)
      .thenRejected('EOPNOTSUPP', 'smmu.no-nesting');
  });

  it('fails when every VMID is taken', () => {
    const taken = Array.from({ length: 2 ** 16 - 1 }, (_, i) => i + 1);
    const world = new History(ready);
    const smmu = world.get('smmu', 's')!;
    const last = 2 ** smmu.probe.vmidBits - 1;
    const vmids = new Map(taken.slice(0, last).map((vmid) => [vmid, 'x']));
    const context = {
      get: ((kind: string, id: string) =>
        kind === 'smmu' ? { ...smmu, vmids } : world.get(kind as 'smmu', id)) as typeof world.get,
    };
    expect(s2ParentDecider.decide(c.allocateParent, context)).toMatchObject({
      errno: 'ENOSPC',
      code: 'smmu.vmids',
    });
  });
});

describe('MapSoftwareMsi', () => {
  it('maps a doorbell page of the host inside the window', () => {
    given(...allocated)
      .when(c.mapDoorbell)
      .then({ stream: 's2-parent/p', event });
  });

  it('needs the parent', () => {
    given().when(c.mapDoorbell).thenRejected('ENOENT', 's2-parent.absent');
  });

  it.each(['0x7fff000', '0x8100000', '0x8090008'] as const)('refuses IPA %s', (ipa) => {
    given(...allocated)
      .when({ ...c.mapDoorbell, ipa })
      .thenRejected('EINVAL', 's2-parent.msi-window');
  });

  it('refuses a page that is mapped', () => {
    given(...history(...c.PARENTED, c.mapDoorbell))
      .when(c.mapDoorbell)
      .thenRejected('EEXIST', 's2-parent.msi-mapped');
  });

  it('refuses memory that is no doorbell', () => {
    given(...allocated)
      .when({ ...c.mapDoorbell, pa: '0x100000000' })
      .thenRejected('EINVAL', 's2-parent.doorbell');
  });
});

describe('the history of a stage-2 parent', () => {
  it('begins with its allocation, once', () => {
    const state = new History(allocated).get('s2-parent', 'p');
    const first = {
      type: 'NestParentAllocated',
      parent: 'p',
      vm: 'v',
      ioas: 'i',
      smmu: 's',
      vmid: 1,
    } as const;
    expect(() => evolve(state, first)).toThrow(ImpossibleEventError);
    expect(() => evolve(undefined, event)).toThrow(ImpossibleEventError);
  });
});
