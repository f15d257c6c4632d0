import { encodeCommand } from '@steward/smmu';
import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import type { Command } from '../aggregates';
import { ImpossibleEventError } from '../decision';
import { evolve, queuedCommands } from './state';

const world = history(...c.NESTED);
const on = (event: { readonly type: string }) => ({ stream: 'vsmmu/vs', event });
const words = (...values: bigint[]) => BigUint64Array.from(values);
const sync = encodeCommand('SYNC', {});
const queue = (count: number) =>
  ({
    type: 'QueueGuestCommands',
    vsmmu: 'vs',
    words: words(...Array.from({ length: count }, () => [...sync]).flat()),
  }) as const;
const forward = (...values: bigint[]) =>
  ({ type: 'ForwardInvalidations', vsmmu: 'vs', words: words(...values) }) as const;
const complete = (cons: number, error?: 'CERROR_ILL') =>
  ({ type: 'CompleteGuestCommands', vsmmu: 'vs', cons, ...(error && { error }) }) as const;
const record = (...values: bigint[]) =>
  ({ type: 'RecordGuestEvent', vsmmu: 'vs', words: words(...values) }) as const;
/** A command queue of four entries, enabled. */
const QUEUE_OF_4: readonly Command[] = [
  ...c.NESTED,
  c.writeRegister('CMDQ_BASE', '0x2'),
  c.writeRegister('CR0', '0x8'),
];

describe('CreateVsmmu', () => {
  it('stands on a nest parent and takes its VMID', () => {
    const { device: _, ...rest } = c.createVsmmu;
    given(...history(...c.PARENTED))
      .when(c.createVsmmu)
      .then(on({ ...rest, type: 'VsmmuCreated', vm: 'v', smmu: 's', vmid: 1 } as never), {
        stream: 's2-parent/p',
        event: { type: 'NestParentJoined', user: 'vsmmu/vs' } as never,
      });
  });

  it('happens once an id', () => {
    given(...world)
      .when(c.createVsmmu)
      .thenRejected('EEXIST', 'vsmmu.exists');
  });

  it('needs a bound device and a parent of its VM', () => {
    given().when(c.createVsmmu).thenRejected('ENOENT', 'device.absent');
    given(...history(...c.BOUND))
      .when(c.createVsmmu)
      .thenRejected('ENOENT', 's2-parent.absent');
    given(...history(...c.PARENTED, ...c.SECOND_GUEST))
      .when({ ...c.createVsmmu, parent: 'p2' })
      .thenRejected('ENOENT', 's2-parent.absent');
  });

  it('refuses a parent on another SMMU', () => {
    given(...history(...c.PARENTED, ...c.SECOND_SMMU))
      .when({ ...c.createVsmmu, device: 'far' })
      .thenRejected('EINVAL', 'vsmmu.other-smmu');
  });

  it.each([
    [true, false, true],
    [false, true, true],
    [false, false, false],
  ])('with CANWBS %s and S2FWB %s nests: %s', (canwbs, s2fwb, nests) => {
    const events = history(
      c.registerHost,
      { ...c.addSmmu, switches: { s2fwb } },
      { ...c.addDevice, canwbs },
      ...c.PARENTED.slice(3),
    );
    const asserted = given(...events).when(c.createVsmmu);
    if (nests) expect(asserted.decision.ok).toBe(true);
    else asserted.thenRejected('EOPNOTSUPP', 'vsmmu.unsupported');
  });
});

describe('AllocateVdevice', () => {
  const ready = history(...c.PARENTED, c.createVsmmu);

  it.each([-1, 2 ** 32, 0.5])('refuses %s as a vSID', (vsid) => {
    given(...history(...c.PARENTED, c.createVsmmu))
      .when({ ...c.allocateVdevice, vsid })
      .thenRejected('EINVAL', 'vsmmu.vsid');
  });

  it('gives the device its vSID', () => {
    const { type: _, ...rest } = c.allocateVdevice;
    given(...ready)
      .when(c.allocateVdevice)
      .then(on({ type: 'VdeviceAllocated', ...rest }), {
        stream: 'device/d',
        event: { type: 'DeviceVirtualized', ...rest } as never,
      });
  });

  it('needs vSMMU and a device of its VM', () => {
    given().when(c.allocateVdevice).thenRejected('ENOENT', 'vsmmu.absent');
    given(...ready)
      .when({ ...c.allocateVdevice, device: 'none' })
      .thenRejected('ENOENT', 'device.absent');
    given(...history(...c.NESTED, ...c.SECOND_GUEST))
      .when({ ...c.allocateVdevice, device: 'd2' })
      .thenRejected('ENOENT', 'device.absent');
  });

  it('refuses a device behind another SMMU', () => {
    given(...history(...c.PARENTED, c.createVsmmu, ...c.SECOND_SMMU))
      .when({ ...c.allocateVdevice, device: 'far' })
      .thenRejected('EINVAL', 'vsmmu.other-smmu');
  });

  it('is one a device and one a vSID', () => {
    given(...world)
      .when({ ...c.allocateVdevice, vsid: 0x20 })
      .thenRejected('EEXIST', 'device.vdevice');
    const twin = { ...c.addDevice, device: 'twin', streamIds: [7] };
    given(...history(...c.NESTED, twin, { ...c.bindDevice, device: 'twin' }))
      .when({ ...c.allocateVdevice, device: 'twin' })
      .thenRejected('EEXIST', 'vsmmu.vsid');
  });
});

describe('WriteGuestRegister', () => {
  it('is always taken, and read back from the state', () => {
    const write = c.writeRegister('STRTAB_BASE', '0x4000');
    given(...world)
      .when(write)
      .then(on({ ...write, type: 'VsmmuRegisterWritten' } as never));
    const state = new History(history(...c.NESTED, write)).get('vsmmu', 'vs');
    expect(state?.registers.get('STRTAB_BASE')).toBe(0x4000n);
  });
});

describe('QueueGuestCommands', () => {
  it('records the commands while there is room', () => {
    given(...history(...QUEUE_OF_4))
      .when(queue(4))
      .then(on({ ...queue(4), type: 'GuestCommandsQueued', count: 4 } as never));
  });

  it('refuses no command and half a command', () => {
    for (const values of [words(), words(1n, 2n, 3n)]) {
      given(...history(...QUEUE_OF_4))
        .when({ ...queue(1), words: values })
        .thenRejected('EINVAL', 'vsmmu.commands');
    }
  });

  it('refuses while the guest has not enabled the queue', () => {
    given(...world)
      .when(queue(1))
      .thenRejected('ENXIO', 'vsmmu.cmdq-off');
  });

  it('refuses more than the queue has room for', () => {
    given(...history(...QUEUE_OF_4))
      .when(queue(5))
      .thenRejected('ENOSPC', 'vsmmu.cmdq-full');
    given(...history(...QUEUE_OF_4, queue(3)))
      .when(queue(2))
      .thenRejected('ENOSPC', 'vsmmu.cmdq-full');
  });

  it('has room again once commands are consumed, across the wrap', () => {
    const wrapped = [...QUEUE_OF_4, queue(3), complete(3), queue(4)];
    const state = new History(history(...wrapped)).get('vsmmu', 'vs')!;
    expect(state.registers.get('CMDQ_PROD')).toBe(7n);
    expect(queuedCommands(state)).toBe(4);
    const beyond = history(...wrapped, complete(7), queue(2));
    expect(new History(beyond).get('vsmmu', 'vs')?.registers.get('CMDQ_PROD')).toBe(1n);
  });

  it('refuses after a command stopped the queue', () => {
    given(...history(...QUEUE_OF_4, queue(1), complete(0, 'CERROR_ILL')))
      .when(queue(1))
      .thenRejected('EIO', 'vsmmu.cmdq-stopped');
  });
});

describe('ForwardInvalidations', () => {
  const tlbi = encodeCommand('TLBI_NH_ALL', {});
  const cfgi = (vsid: number) => encodeCommand('CFGI_CD_ALL', { StreamID: BigInt(vsid) });

  it('takes commands that the kernel takes', () => {
    const command = forward(...tlbi, ...cfgi(0x10));
    given(...world)
      .when(command)
      .then(on({ ...command, type: 'GuestInvalidationsForwarded', count: 2 } as never));
  });

  it('refuses no entry and half an entry', () => {
    for (const values of [[], [1n]]) {
      given(...world)
        .when(forward(...values))
        .thenRejected('EINVAL', 'vsmmu.entries');
    }
  });

  it('answers EIO to an unknown vSID and to a command the kernel does not convert', () => {
    for (const entry of [cfgi(0x11), sync]) {
      given(...world)
        .when(forward(...tlbi, ...entry))
        .thenRejected('EIO', 'vsmmu.entry');
    }
  });
});

describe('CompleteGuestCommands', () => {
  const queued = history(...c.NESTED, c.writeRegister('CMDQ_BASE', '0x4'));

  it.each([-1, 32, 1.5])('refuses %s as an index of a queue of 16', (cons) => {
    given(...queued)
      .when(complete(cons))
      .thenRejected('EINVAL', 'vsmmu.cons');
  });

  it('moves CMDQ_CONS', () => {
    given(...queued)
      .when(complete(3))
      .then(on({ ...complete(3), type: 'GuestCommandsCompleted' } as never));
    given(...queued)
      .when(complete(3, 'CERROR_ILL'))
      .then(on({ ...complete(3, 'CERROR_ILL'), type: 'GuestCommandsCompleted' } as never));
  });
});

describe('RecordGuestEvent', () => {
  const enabled = history(...c.NESTED, c.writeRegister('CR0', '0x4'));

  it('takes one record while the guest has its event queue on', () => {
    const command = record(4n, 0n, 0n, 0n);
    given(...enabled)
      .when(command)
      .then(on({ ...command, type: 'GuestEventRecorded' } as never));
  });

  it('refuses while it is off', () => {
    given(...world)
      .when(record(4n, 0n, 0n, 0n))
      .thenRejected('ENXIO', 'vsmmu.eventq-off');
  });

  it('refuses anything but four words', () => {
    for (const values of [
      [1n, 2n, 3n],
      [1n, 2n, 3n, 4n, 5n],
    ]) {
      given(...enabled)
        .when(record(...values))
        .thenRejected('EINVAL', 'vsmmu.record');
    }
  });
});

describe('the history of a vSMMU', () => {
  const state = new History(world).get('vsmmu', 'vs');
  const { device: _, ...rest } = c.createVsmmu;
  const created = { ...rest, type: 'VsmmuCreated', vm: 'v', smmu: 's', vmid: 1 } as const;

  it.each([
    ['created twice', () => evolve(state, created)],
    ['completing before it is created', () => evolve(undefined, event(complete(0)))],
    [
      'giving a vSID twice',
      () => evolve(state, { ...c.allocateVdevice, type: 'VdeviceAllocated', device: 'other' }),
    ],
  ])('cannot have it %s', (_name, fold) => {
    expect(fold).toThrow(ImpossibleEventError);
  });
});

function event({ cons }: { cons: number }) {
  return { type: 'GuestCommandsCompleted', vsmmu: 'vs', cons } as const;
}
