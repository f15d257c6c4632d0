import { addDevice, addSmmu, registerHost } from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import { ImpossibleEventError } from '../decision';
import type { FeatureSwitches } from './probed';
import { evolve, freeVmid } from './state';

const added = new History(history(registerHost, addSmmu)).get('smmu', 's')!;

describe('SMMU', () => {
  it('joins a host with its ID registers', () => {
    given(...history(registerHost))
      .when(addSmmu)
      .then(
        { stream: 'smmu/s', event: addSmmuEvent() },
        { stream: 'host/h', event: { type: 'HostSmmuListed', smmu: 's' } as never },
      );
  });

  it('needs a host', () => {
    given().when(addSmmu).thenRejected('ENOENT', 'host.absent');
  });

  it('is added once', () => {
    given(...history(registerHost, addSmmu))
      .when(addSmmu)
      .thenRejected('EEXIST', 'smmu.exists');
  });

  it('has exactly six ID registers', () => {
    for (const idr of [addSmmu.idr.slice(1), [...addSmmu.idr, '0x0' as const]]) {
      given(...history(registerHost))
        .when({ ...addSmmu, idr })
        .thenRejected('EINVAL', 'smmu.idr');
    }
  });

  it('is refused when its ID registers offer what the hardware model does not have', () => {
    const AARCH32 = 1n << 2n; // IDR0.TTF[0]
    const idr0 = `0x${(BigInt(addSmmu.idr[0]!) | AARCH32).toString(16)}` as const;
    given(...history(registerHost))
      .when({ ...addSmmu, idr: [idr0, ...addSmmu.idr.slice(1)] })
      .thenRejected('EOPNOTSUPP', 'smmu.not-modelled');
  });

  it('is refused with ENXIO when its driver would fail the probe', () => {
    given(...history(registerHost))
      .when({ ...addSmmu, idr: addSmmu.idr.map(() => '0x0' as const) })
      .thenRejected('ENXIO', 'smmu.unsupported');
  });

  it('gives the lowest free VMID from 1 on', () => {
    expect(freeVmid(added)).toBe(1);
    const holding = (...vmids: number[]) => ({
      ...added,
      vmids: new Map(vmids.map((vmid) => [vmid, 'p'])),
    });
    expect(freeVmid(holding(1, 3))).toBe(2);
    const last = 2 ** added.probe.vmidBits - 1;
    const all = Array.from({ length: last }, (_, i) => i + 1);
    expect(freeVmid(holding(...all.slice(0, -1)))).toBe(last);
    expect(freeVmid(holding(...all))).toBeUndefined();
  });

  it('cannot have a history with a StreamID or VMID given twice, or a failing probe', () => {
    const claim = { type: 'SmmuStreamIdsClaimed', device: 'd', streamIds: [8] } as const;
    const vmid = { type: 'SmmuVmidAllocated', vmid: 1, parent: 'p' } as const;
    expect(() => evolve(evolve(added, claim), claim)).toThrow(ImpossibleEventError);
    expect(() => evolve(evolve(added, vmid), vmid)).toThrow(ImpossibleEventError);
    expect(() => evolve(undefined, claim)).toThrow(ImpossibleEventError);
    expect(() => evolve(added, addSmmuEvent())).toThrow(ImpossibleEventError);
    const broken = { ...addSmmuEvent(), idr: addSmmu.idr.map(() => '0x0' as const) };
    expect(() => evolve(undefined, broken)).toThrow(ImpossibleEventError);
  });

  it('remembers which device claimed a StreamID', () => {
    const state = new History(history(registerHost, addSmmu, addDevice)).get('smmu', 's');
    expect(state?.streams).toEqual(new Map([[8, 'd']]));
  });
});

function addSmmuEvent() {
  return { ...addSmmu, type: 'SmmuAdded' } as const;
}

describe('features of an SMMU that runs', () => {
  const force = (switches: FeatureSwitches) =>
    ({ type: 'ForceFeatures', smmu: 's', switches }) as const;

  it('are switched off and on again, beside those that were forced before', () => {
    const events = history(registerHost, { ...addSmmu, switches: { ats: false } });
    given(...events)
      .when(force({ rangeInvalidation: false }))
      .then({
        stream: 'smmu/s',
        event: {
          type: 'SmmuFeaturesForced',
          smmu: 's',
          switches: { ats: false, rangeInvalidation: false },
        } as never,
      });
    const off = history(registerHost, addSmmu, force({ rangeInvalidation: false }));
    expect(new History(off).get('smmu', 's')?.probe.rangeInvalidation).toBe(false);
    given(...off)
      .when(force({ rangeInvalidation: false }))
      .thenNothingHappened();
    const on = history(registerHost, addSmmu, force({ rangeInvalidation: false }));
    expect(given(...on).when(force({ rangeInvalidation: true })).decision).toMatchObject({
      ok: true,
    });
  });

  it('stay what entries and tables were built with', () => {
    given(...history(registerHost, addSmmu, addDevice))
      .when(force({ nesting: false }))
      .thenRejected('EBUSY', 'smmu.in-use');
    const early = given(...history(registerHost, addSmmu)).when(force({ nesting: false }));
    expect(early.decision).toMatchObject({ ok: true });
  });

  it('cannot be had of hardware without them, nor of an SMMU that is not there', () => {
    given(...history(registerHost, addSmmu))
      .when(force({ ats: true }))
      .thenRejected('EOPNOTSUPP', 'smmu.hardware');
    given(...history(registerHost))
      .when(force({ ats: false }))
      .thenRejected('ENOENT', 'smmu.absent');
  });
});
