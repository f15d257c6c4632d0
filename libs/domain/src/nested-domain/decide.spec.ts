import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import { ImpossibleEventError } from '../decision';
import { evolve } from './state';

const ready = history(...c.PARENTED, c.createVsmmu);
const allocated = history(...c.NESTED);
const free = { type: 'FreeNestedDomain', domain: 'n' } as const;
const event = (vste: typeof c.S1_VSTE) =>
  ({ type: 'NestedDomainAllocated', domain: 'n', vsmmu: 'vs', parent: 'p', vste }) as const;
const joinedVsmmu = {
  stream: 'vsmmu/vs',
  event: { type: 'VsmmuJoined', user: 'nested-domain/n' },
};

describe('AllocateNestedDomain', () => {
  it('keeps the vSTE that the driver accepts', () => {
    given(...ready)
      .when(c.allocateDomain)
      .then({ stream: 'nested-domain/n', event: event(c.S1_VSTE) }, joinedVsmmu);
  });

  it('happens once an id, a freed one too', () => {
    given(...allocated)
      .when(c.allocateDomain)
      .thenRejected('EEXIST', 'nested-domain.exists');
    given(...history(...c.NESTED, free))
      .when(c.allocateDomain)
      .thenRejected('EEXIST', 'nested-domain.exists');
  });

  it('needs a bound device and a vSMMU of its VM', () => {
    given().when(c.allocateDomain).thenRejected('ENOENT', 'device.absent');
    given(...history(...c.PARENTED))
      .when(c.allocateDomain)
      .thenRejected('ENOENT', 'vsmmu.absent');
    given(...history(...c.NESTED, ...c.SECOND_GUEST))
      .when({ ...c.allocateDomain, domain: 'n2', vsmmu: 'vs2' })
      .thenRejected('ENOENT', 'vsmmu.absent');
  });

  it('refuses a device behind another SMMU', () => {
    given(...history(...c.PARENTED, c.createVsmmu, ...c.SECOND_SMMU))
      .when({ ...c.allocateDomain, device: 'far' })
      .thenRejected('EINVAL', 'vsmmu.other-smmu');
  });

  it('answers EIO to a vSTE the driver refuses', () => {
    given(...ready)
      .when({ ...c.allocateDomain, vste: ['0xd', '0x0'] })
      .thenRejected('EIO', 'vste.refused');
  });

  it('keeps an invalid vSTE as zero', () => {
    given(...ready)
      .when({ ...c.allocateDomain, vste: ['0xfffffffffffffffe', '0xffffffffffffffff'] })
      .then({ stream: 'nested-domain/n', event: event(['0x0', '0x0']) }, joinedVsmmu);
  });
});

describe('FreeNestedDomain', () => {
  it('frees one that nothing is attached to', () => {
    given(...allocated)
      .when(free)
      .then(
        { stream: 'nested-domain/n', event: { ...free, type: 'NestedDomainFreed' } as never },
        { ...joinedVsmmu, event: { ...joinedVsmmu.event, type: 'VsmmuLeft' } },
      );
  });

  it('refuses while a device is attached', () => {
    given(...history(...c.NESTED, c.attach('nested-domain', 'n')))
      .when(free)
      .thenRejected('EBUSY', 'nested-domain.attached');
    const detached = history(...c.NESTED, c.attach('nested-domain', 'n'), c.detach);
    expect(given(...detached).when(free).decision.ok).toBe(true);
  });

  it('finds no absent or freed domain', () => {
    given().when(free).thenRejected('ENOENT', 'nested-domain.absent');
    given(...history(...c.NESTED, free))
      .when(free)
      .thenRejected('ENOENT', 'nested-domain.absent');
  });
});

describe('the history of a nested domain', () => {
  const state = new History(allocated).get('nested-domain', 'n');
  const joined = { type: 'NestedDomainJoined', device: 'd' } as const;
  const left = { type: 'NestedDomainLeft', device: 'd' } as const;
  const freed = { type: 'NestedDomainFreed', domain: 'n' } as const;

  it.each([
    ['allocated twice', () => evolve(state, event(c.S1_VSTE))],
    ['joined before it is allocated', () => evolve(undefined, joined)],
    ['joined twice by a device', () => evolve(evolve(state, joined), joined)],
    ['left without having been joined', () => evolve(state, left)],
    ['freed while attached', () => evolve(evolve(state, joined), freed)],
    ['joined after it was freed', () => evolve(evolve(state, freed), joined)],
  ])('cannot have it %s', (_name, fold) => {
    expect(fold).toThrow(ImpossibleEventError);
  });
});
