import { BOUND, createIoas, createVsmmu, NESTED, registerHost } from '../__fixtures__/commands';
import { given, history } from '../__fixtures__/given-when-then';
import { decideOn, type Context } from '../aggregates';
import { ImpossibleEventError } from '../decision';
import type { Region } from './events';
import { contains, evolve, overlaps } from './state';

const withMemory = (...memory: Region[]) => ({ ...registerHost, memory });
const KERNEL: Region = { use: 'kernel', base: '0x1000', size: '0x2000' };

describe('host', () => {
  it('is registered with its memory and policy', () => {
    const { policy, memory } = registerHost;
    const event = { type: 'HostRegistered', host: 'h', policy, memory };
    given().when(registerHost).then({ stream: 'host/h', event });
  });

  it('is registered once', () => {
    given(...history(registerHost))
      .when(registerHost)
      .thenRejected('EEXIST', 'host.exists');
  });

  it.each<[string, Region[]]>([
    ['an empty region', [KERNEL, { use: 'guest-ram', base: '0x10000', size: '0x0' }]],
    ['an unaligned base', [KERNEL, { use: 'guest-ram', base: '0x10800', size: '0x1000' }]],
    ['an unaligned size', [KERNEL, { use: 'guest-ram', base: '0x10000', size: '0x1800' }]],
    ['overlapping regions', [KERNEL, { use: 'guest-ram', base: '0x2000', size: '0x1000' }]],
    [
      'an address of 2^53',
      [KERNEL, { use: 'guest-ram', base: '0x20000000000000', size: '0x1000' }],
    ],
    ['no kernel region', [{ use: 'guest-ram', base: '0x10000', size: '0x1000' }]],
  ])('refuses %s', (_, memory) => {
    given()
      .when(withMemory(...memory))
      .thenRejected('EINVAL', 'host.memory');
  });

  it('takes regions that touch without overlapping', () => {
    const { decision } = given().when(
      withMemory(KERNEL, { use: 'guest-ram', base: '0x3000', size: '0x1000' }),
    );
    expect(decision.ok).toBe(true);
  });

  it('cannot be registered twice in a history, nor be used before', () => {
    const { type: _, ...rest } = registerHost;
    const registered = evolve(undefined, { type: 'HostRegistered', ...rest });
    expect(() => evolve(registered, { type: 'HostRegistered', ...rest })).toThrow(
      ImpossibleEventError,
    );
    expect(() => evolve(undefined, { type: 'HostSmmuListed', smmu: 's' })).toThrow(
      ImpossibleEventError,
    );
  });
});

describe('ranges', () => {
  const outer = { base: 0x1000, size: 0x1000 };

  it.each([
    [0x0, 0x1000, false, false],
    [0x0, 0x1001, true, false],
    [0x1000, 0x1000, true, true],
    [0x1fff, 1, true, true],
    [0x1fff, 2, true, false],
    [0x2000, 1, false, false],
  ])('at %d of %d bytes overlap and are contained as half-open intervals', (base, size, o, c) => {
    expect([overlaps(outer, { base, size }), contains(outer, { base, size })]).toEqual([o, c]);
  });
});

describe('the policy of a host', () => {
  const toV2 = { type: 'ChangePolicy', host: 'h', policy: 'v2-2024-08' } as const;

  it('can be exchanged while everything runs; what is decided then follows it', () => {
    const events = history(...NESTED, toV2);
    expect(events.at(-1)).toEqual({
      stream: 'host/h',
      event: { type: 'HostPolicyChanged', host: 'h', policy: 'v2-2024-08' },
    });
    given(...events)
      .when({ ...createVsmmu, vsmmu: 'late' })
      .thenRejected('EOPNOTSUPP', 'vsmmu.policy');
  });

  it('changes nothing when it is the same, and must be one of a host that exists', () => {
    given(...history(registerHost))
      .when({ ...toV2, policy: 'mainline' })
      .thenNothingHappened();
    given().when(toV2).thenRejected('ENOENT', 'host.absent');
    given(...history(registerHost))
      .when({ ...toV2, policy: 'none' as never })
      .thenRejected('EINVAL', 'host.policy');
  });

  it('is closed once guests hold none of its devices, and then nothing is decided about it', () => {
    const close = { type: 'CloseHost', host: 'h' } as const;
    given().when(close).thenRejected('ENOENT', 'host.absent');
    given(...history(...BOUND))
      .when(close)
      .thenRejected('EBUSY', 'host.in-use');
    const event = { type: 'HostClosed', host: 'h' } as const;
    given(...history(...BOUND, { type: 'ReleaseDevice', device: 'd' }))
      .when(close)
      .then({ stream: 'host/h', event });
    const { type: _, ...rest } = registerHost;
    const closed = evolve(evolve(undefined, { type: 'HostRegistered', ...rest }), event);
    const context = { get: () => closed } as unknown as Context;
    expect(decideOn('h', createIoas, context)).toMatchObject({ ok: false, code: 'host.closed' });
  });
});
