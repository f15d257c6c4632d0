import type { DomainEvent } from '@steward/domain';
import { ledgerOf, TWO_HOSTS, type LogEntry } from '../__fixtures__/two-hosts';
import { States } from './states';

const device: DomainEvent = {
  type: 'DeviceAdded',
  device: 'nic',
  host: 'a',
  smmu: 's-a',
  streamIds: [0x10],
  canwbs: true,
  ats: false,
};
const LOG: readonly LogEntry[] = [...TWO_HOSTS, ['a', 'device/nic', device]];

describe('states at a position', () => {
  it('are those of the events up to it, one aggregate or all of a kind', async () => {
    const ledger = await ledgerOf(LOG);
    const states = new States({ ledger }, { kind: 'smmu' });
    await states.moveTo(2);
    expect([...states.views().keys()]).toEqual([]);
    await states.moveTo(3);
    expect([...states.views().keys()]).toEqual(['smmu/s-a']);
    await states.moveTo(5);
    expect([...states.views().keys()]).toEqual(['smmu/s-a', 'smmu/s-b']);
    const one = new States({ ledger }, { kind: 'smmu', id: 's-b' });
    await one.moveTo(5);
    expect([...one.views().values()]).toMatchObject([
      { kind: 'smmu', id: 's-b', version: 1, changedAt: 4, state: { host: 'b', vmids: {} } },
    ]);
  });

  it('reached in steps, forwards or back, are those reached at once', async () => {
    const ledger = await ledgerOf(LOG);
    const [steps, once] = [new States({ ledger }), new States({ ledger })];
    for (let p = 1; p <= 5; p++) await steps.moveTo(p);
    await once.moveTo(5);
    expect([...steps.views()]).toEqual([...once.views()]);
    expect(steps.views().size).toBe(5);
    const back = new States({ ledger });
    await back.moveTo(3);
    await steps.moveTo(3);
    expect([...steps.views()]).toEqual([...back.views()]);
    expect(steps.views().size).toBe(3);
  });

  it('of a device show the STE in force, by word and by field', async () => {
    const states = new States({ ledger: await ledgerOf(LOG) }, { kind: 'device', id: 'nic' });
    await states.moveTo(5);
    const ste = states.views().get('device/nic')?.state['ste'];
    expect(ste).toMatchObject({ fields: { V: '0x1' } });
    expect((ste as { words: string[] }).words).toHaveLength(8);
  });

  it('show addresses as hexadecimal words', async () => {
    const states = new States({ ledger: await ledgerOf(LOG) }, { kind: 'host', id: 'a' });
    await states.moveTo(1);
    expect(states.views().get('host/a')?.state['memory']).toEqual([
      { use: 'kernel', base: '0x40000000', size: '0x4000000' },
    ]);
  });
});
