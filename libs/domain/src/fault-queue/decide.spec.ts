import * as c from '../__fixtures__/commands';
import { given, history } from '../__fixtures__/given-when-then';
import type { Command } from '../aggregates';
import type { Emitted } from '../decision';

const queue = (faultQueue: string): Command => ({
  type: 'AllocateFaultQueue',
  faultQueue,
  vm: 'v',
});
const domain = (id: string, faultQueue: string): Command => ({
  ...{ type: 'AllocateS1Domain', domain: id, ioas: 'i', device: 'd', pasid: true, faultQueue },
});
const attach = (id: string): Command => ({
  type: 'AttachDevice',
  device: 'd',
  target: { kind: 's1-domain', id },
});
const WORLD: readonly Command[] = [
  c.registerHost,
  { ...c.addSmmu, idr: ['0x0c44101b', ...c.IDR.slice(1)], switches: { ssidBits: 8 } },
  { ...c.addDevice, stalls: true, pasidBits: 4 },
  c.createVm,
  c.bindDevice,
  c.createIoas,
  queue('q'),
  queue('r'),
  domain('a', 'q'),
  domain('b', 'r'),
  attach('a'),
];
const report = (group: number, attachment = 0, faultQueue = 'q'): Command => {
  const what = { device: 'd', attachment, group, permissions: 2, address: '0x8000' } as const;
  const pasid = attachment === 0 ? {} : { pasid: attachment };
  return { type: 'ReportPageFault', faultQueue, ...what, ...pasid };
};
const read = (bytes: number, faultQueue = 'q'): Command => ({
  type: 'ReadPageFaults',
  faultQueue,
  bytes,
});
const answer = (...responses: { cookie: number; code: number }[]): Command => ({
  ...{ type: 'AnswerPageFaults', faultQueue: 'q', responses },
});
const says = (commands: readonly Command[], command: Command) =>
  given(...history(...WORLD, ...commands)).when(command).decision;
const types = (events: readonly Emitted[]) => events.map(({ event }) => event.type);
const events = (commands: readonly Command[], command: Command): string[] => {
  const decision = says(commands, command);
  return decision.ok ? types(decision.events) : [];
};

describe('a fault queue', () => {
  it('is read in whole faults, oldest first, each under the lowest cookie that is free', () => {
    expect(says([report(7), report(8)], read(40))).toMatchObject({
      answer: {
        bytes: 40,
        faults: [{ flags: 2, device: 'd', pasid: 0, grpid: 7, perm: 2, addr: '0x8000', cookie: 1 }],
      },
    });
    const second = [report(7), report(8), read(40), answer({ cookie: 1, code: 0 })];
    expect(says(second, read(80))).toMatchObject({
      answer: { bytes: 40, faults: [{ cookie: 1 }] },
    });
    expect(says([report(7), report(8), read(40)], read(40))).toMatchObject({
      answer: { faults: [{ grpid: 8, cookie: 2 }] },
    });
    expect(says([], read(40))).toMatchObject({ ok: true, answer: { bytes: 0, faults: [] } });
    expect(says([report(7)], read(41))).toMatchObject({ ok: false, errno: 'ESPIPE' });
  });

  it('names the PASID of a fault that has one', () => {
    const pasid: Command = {
      type: 'AttachPasid',
      device: 'd',
      pasid: 3,
      target: { kind: 's1-domain', id: 'b' },
      holder: 'iommufd',
    };
    expect(says([pasid, report(7, 3, 'r')], read(40, 'r'))).toMatchObject({
      answer: { faults: [{ flags: 3, pasid: 3 }] },
    });
  });

  it('takes answers up to the first that is wrong, which is an error only if it is the first', () => {
    const first = [report(7), report(8), read(80)];
    const decision = says(first, answer({ cookie: 2, code: 1 }, { cookie: 2, code: 0 }));
    expect(decision).toMatchObject({
      events: [{ event: { answers: [{ cookie: 2, device: 'd', group: 8, retry: false }] } }],
      answer: { bytes: 8 },
    });
    for (const wrong of [
      { cookie: 3, code: 0 },
      { cookie: 1, code: 2 },
    ]) {
      expect(says(first, answer(wrong))).toMatchObject({ ok: false, errno: 'EINVAL' });
    }
    expect(says([report(7)], answer({ cookie: 1, code: 0 }))).toMatchObject({ errno: 'EINVAL' });
    expect(says(first, answer())).toMatchObject({ ok: true, answer: { bytes: 0 } });
  });

  it('drops what waits for an attachment that goes, and no other', () => {
    const waiting = [report(7), report(8), read(40)];
    expect(events(waiting, attach('b'))).toContain('PageFaultsDropped');
    expect(events(waiting, { type: 'ReleaseDevice', device: 'd' })).toContain('PageFaultsDropped');
    expect(events([], attach('b'))).not.toContain('PageFaultsDropped');
    expect(says([...waiting, attach('b')], read(40))).toMatchObject({ answer: { bytes: 0 } });
    expect(says([...waiting, attach('b')], answer({ cookie: 1, code: 0 })).ok).toBe(false);
  });

  it('gets no fault of an attachment that is gone already', () => {
    expect(events([attach('b')], report(7))).toEqual([]);
    expect(events([{ type: 'DetachDevice', device: 'd' }], report(7))).toEqual([]);
  });
});

it('a device with several streams that stall cannot be on a domain with a fault queue (EOPNOTSUPP)', () => {
  const [host, smmu, device, ...rest] = WORLD.slice(0, -1);
  const wide = (stalls: boolean): Command => ({ ...device, streamIds: [8, 9], stalls }) as Command;
  given(...history(host!, smmu!, wide(true), ...rest))
    .when(attach('a'))
    .thenRejected('EOPNOTSUPP', 'device.page-faults');
  given(...history(host!, smmu!, wide(true), ...rest))
    .when({
      type: 'AttachPasid',
      device: 'd',
      pasid: 3,
      target: { kind: 's1-domain', id: 'a' },
      holder: 'iommufd',
    })
    .thenRejected('EOPNOTSUPP', 'device.page-faults');
  const world = history(host!, smmu!, wide(false), ...rest);
  expect(given(...world).when(attach('a')).decision.ok).toBe(true);
});
