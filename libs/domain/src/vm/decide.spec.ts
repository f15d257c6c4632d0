import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import { ImpossibleEventError } from '../decision';
import type { Hex } from '../hex';
import type { ActivitySegment } from './commands';
import { encodeDma } from './dma-batch';
import { evolve } from './state';

const base = history(c.registerHost);

describe('CreateVm', () => {
  it('takes its RAM from the host', () => {
    const { ipa: _, ...range } = c.RAM;
    given(...base)
      .when(c.createVm)
      .then(
        { stream: 'vm/v', event: { ...c.createVm, type: 'VmCreated' } as never },
        {
          stream: 'host/h',
          event: { type: 'HostRamAssigned', vm: 'v', ranges: [range] } as never,
        },
      );
  });

  it('needs the host, and happens once', () => {
    given().when(c.createVm).thenRejected('ENOENT', 'host.absent');
    given(...history(c.registerHost, c.createVm))
      .when(c.createVm)
      .thenRejected('EEXIST', 'vm.exists');
  });

  const ram = (ipa: Hex, size: Hex, pa: Hex) => ({ ipa, size, pa });

  it.each([
    ['an empty range', [ram('0x0', '0x0', '0x100000000')]],
    ['an unaligned IPA', [ram('0x800', '0x1000', '0x100000000')]],
    ['an unaligned PA', [ram('0x0', '0x1000', '0x100000800')]],
    ['half a page', [ram('0x0', '0x800', '0x100000000')]],
    [
      'overlapping IPAs',
      [ram('0x0', '0x2000', '0x100000000'), ram('0x1000', '0x1000', '0x100010000')],
    ],
    [
      'overlapping PAs',
      [ram('0x0', '0x2000', '0x100000000'), ram('0x10000', '0x1000', '0x100001000')],
    ],
  ])('refuses %s', (_, ranges) => {
    given(...base)
      .when({ ...c.createVm, ram: ranges })
      .thenRejected('EINVAL', 'vm.ram');
  });

  it('refuses RAM that is not wholly guest RAM of the host', () => {
    for (const pa of ['0x40000000', '0x100fff000', '0x0'] as const) {
      given(...base)
        .when({ ...c.createVm, ram: [ram('0x0', '0x2000', pa)] })
        .thenRejected('EFAULT', 'vm.ram');
    }
  });

  it('refuses an address of 2^52 or more', () => {
    given(...history(c.registerHost))
      .when({ ...c.createVm, ram: [ram('0x10000000000000', '0x1000', '0x100000000')] })
      .thenRejected('EINVAL', 'vm.ram');
  });

  it('refuses RAM of another VM', () => {
    given(...history(c.registerHost, c.createVm))
      .when({ ...c.createVm, vm: 'v2', ram: [ram('0x0', '0x1000', '0x1001ff000')] })
      .thenRejected('EBUSY', 'vm.ram-taken');
  });
});

describe('GuestActs', () => {
  const world = history(...c.BOUND, ...c.SECOND_GUEST.slice(0, 3));
  const acts = (segments: ActivitySegment[], words: readonly bigint[], devices = ['d']) =>
    ({
      type: 'GuestActs',
      vm: 'v',
      devices,
      segments,
      words: BigUint64Array.from(words),
    }) as const;
  const STORE = [0x40000000n, 7n];
  const dma = (device: number) => [
    ...encodeDma([{ device, stream: 0, write: true, iova: 0x1000n }]),
  ];

  it('records stores and DMA in the order in which they were done', () => {
    const command = acts(
      [
        { op: 'write', count: 1 },
        { op: 'dma', count: 1 },
        { op: 'write', count: 1 },
      ],
      [...STORE, ...dma(0), 0x401ffff8n, 9n],
    );
    const wrote = (...words: bigint[]) =>
      ({
        type: 'GuestMemoryWritten',
        vm: 'v',
        count: 1,
        words: BigUint64Array.from(words),
      }) as const;
    given(...world)
      .when(command)
      .then(
        { stream: 'vm/v', event: wrote(...STORE) },
        {
          stream: 'vm/v',
          event: {
            type: 'DmaPerformed',
            vm: 'v',
            devices: ['d'],
            count: 1,
            words: BigUint64Array.from(dma(0)),
          } as never,
        },
        { stream: 'vm/v', event: wrote(0x401ffff8n, 9n) },
      );
  });

  it('needs the VM', () => {
    given().when(acts([], [])).thenRejected('ENOENT', 'vm.absent');
  });

  it('refuses devices of others, bound or not', () => {
    for (const device of ['d2', 'none']) {
      given(...world)
        .when(acts([], [], ['d', device]))
        .thenRejected('ENODEV', 'device.foreign');
    }
  });

  it('refuses fewer words than announced', () => {
    given(...world)
      .when(acts([{ op: 'write', count: 2 }], STORE))
      .thenRejected('EINVAL', 'vm.activity');
  });

  it('refuses more words than announced', () => {
    given(...world)
      .when(acts([{ op: 'write', count: 1 }], [...STORE, 1n]))
      .thenRejected('EINVAL', 'vm.activity');
  });

  it('refuses a StreamID that the device does not have: the machine could not follow', () => {
    const words = [...encodeDma([{ device: 0, stream: 1, write: false, iova: 0n }])];
    given(...world)
      .when(acts([{ op: 'dma', count: 1 }], words))
      .thenRejected('EINVAL', 'vm.activity');
  });

  it('refuses a device index beyond the list', () => {
    given(...world)
      .when(acts([{ op: 'dma', count: 1 }], dma(1)))
      .thenRejected('EINVAL', 'vm.activity');
  });

  it.each([0x40000004n, 0x3ffffff8n, 0x40200000n, 2n ** 63n])(
    'refuses a store at 0x%s, which is no RAM word, with all that came before it',
    (ipa) => {
      given(...world)
        .when(acts([{ op: 'write', count: 2 }], [...STORE, ipa, 1n]))
        .thenRejected('EFAULT', 'vm.store');
    },
  );
});

describe('the history of a VM', () => {
  it('begins with its creation, once', () => {
    const state = new History(history(c.registerHost, c.createVm)).get('vm', 'v');
    expect(() => evolve(state, { ...c.createVm, type: 'VmCreated' })).toThrow(ImpossibleEventError);
    const words = BigUint64Array.of(0x40000000n, 1n);
    expect(() =>
      evolve(undefined, { type: 'GuestMemoryWritten', vm: 'v', count: 1, words }),
    ).toThrow(ImpossibleEventError);
  });
});
