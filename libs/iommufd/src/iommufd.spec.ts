import { decide, DECIDERS, parseStream } from '@steward/domain';
import type { AggregateKind, Command, Context, Decider, StateOf } from '@steward/domain';
import {
  closeFile,
  closeQueue,
  destroy,
  faultQueueAlloc,
  getHwInfo,
  hwptAlloc,
  hwptGetDirtyBitmap,
  hwptInvalidate,
  hwptSetDirtyTracking,
  ioasAllowIovas,
  ioasAlloc,
  ioasCopy,
  ioasIovaRanges,
  ioasMap,
  ObjectTable,
  option,
  pollFaultQueue,
  readFaultQueue,
  Session,
  vdeviceAlloc,
  vfioAttach,
  vfioBind,
  vfioClose,
  vfioDetach,
  viommuAlloc,
  writeFaultQueue,
  type Conversation,
} from './index';

/** Aggregates in memory: what the session reads and its commands change. */
class World implements Context {
  private readonly states = new Map<string, unknown>();

  constructor() {
    const idr = ['0xd44101b', '0x2730010', '0x0', '0x1414', '0x0', '0x74'] as const;
    const memory = [
      { use: 'kernel', base: '0x40000000', size: '0x1000000' },
      { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
    ] as const;
    const canwbs = { canwbs: true, ats: false };
    const ram = [{ ipa: '0x40000000', size: '0x10000', pa: '0x100000000' }] as const;
    this.do({ type: 'RegisterHost', host: 'h', policy: 'mainline', memory });
    const more = { iidr: '0x0', aidr: '0x1', switches: { ssidBits: 6 } } as const;
    this.do({ type: 'AddSmmu', smmu: 's', host: 'h', idr, ...more });
    const pasids = { pasidBits: 8 };
    this.do({ type: 'AddDevice', device: 'd', smmu: 's', streamIds: [8], ...canwbs, ...pasids });
    this.do({ type: 'AddDevice', device: 'e', smmu: 's', streamIds: [9], ...canwbs });
    this.do({ type: 'CreateVm', vm: 'v', host: 'h', owner: 'ann', ram });
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(`${kind}/${id}`) as StateOf<K> | undefined;
  }

  do(command: Command) {
    const decision = decide(command, this);
    for (const { stream, event } of decision.ok ? decision.events : []) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<'host'>;
      this.states.set(stream, decider.evolve(this.states.get(stream) as never, event as never));
    }
    const refusal = decision.ok ? decision.stopped : decision;
    const { answer } = decision;
    return { ...(refusal && { errno: refusal.errno }), ...(answer && { answer }) };
  }

  run<Out>(conversation: Conversation<Out>) {
    let next = conversation.next();
    while (next.done !== true) next = conversation.next(this.do(next.value));
    return next.value;
  }
}

const words = (...of: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(of).buffer);
const S1 = { data_type: 2, data_len: 16, data: words(0x4000_100bn, 0n) };

/** Two devices bound as ids 1 and 2, an IOAS 3, a nest parent 4, a vIOMMU 5, a vDEVICE 6, a nested HWPT 7. */
function nested() {
  const world = new World();
  const session = new Session('v', world);
  const ids = [
    world.run(vfioBind(session, 'd')),
    world.run(vfioBind(session, 'e')),
    world.run(ioasAlloc(session, { flags: 0 })),
    world.run(hwptAlloc(session, { flags: 1, dev_id: 1, pt_id: 3, data_type: 0, data_len: 0 })),
    world.run(viommuAlloc(session, { flags: 0, type: 1, dev_id: 1, hwpt_id: 4 })),
    world.run(vdeviceAlloc(session, { viommu_id: 5, dev_id: 1, virt_id: 0x10n })),
    world.run(hwptAlloc(session, { flags: 0, dev_id: 1, pt_id: 5, ...S1 })),
  ].map(({ out }) => out.id);
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7]);
  return { world, session };
}

describe('object ids', () => {
  it('are the lowest free, and never that of a tombstone', () => {
    const table = new ObjectTable();
    const ids = ['a', 'b', 'c'].map((name) => table.add({ kind: 'ioas', name }));
    expect(ids).toEqual([1, 2, 3]);
    table.remove(2);
    table.bury(1);
    expect(table.add({ kind: 'ioas', name: 'd' })).toBe(2);
    expect(table.add({ kind: 'ioas', name: 'e' })).toBe(4);
    expect(table.of('device', 2)).toBeUndefined();
  });

  it('of a vDEVICE die with its device’s file', () => {
    const { world, session } = nested();
    world.run(vfioClose(session, 'd'));
    expect(world.run(destroy(session, { id: 6 })).errno).toBe('ENOENT');
    expect(world.run(vfioBind(session, 'd')).out.id).toBe(1);
    expect(world.run(ioasAlloc(session, { flags: 0 })).out.id).toBe(8);
  });

  it('of an automatic HWPT come with the attach to an IOAS and go with the last device', () => {
    const { world, session } = nested();
    expect(world.run(vfioAttach(session, 'd', 3)).out).toEqual({ pt_id: 8 });
    expect(world.run(vfioAttach(session, 'e', 3)).out).toEqual({ pt_id: 8 });
    world.run(vfioAttach(session, 'd', 4));
    expect(session.objects.get(8)).toBeDefined();
    world.run(vfioAttach(session, 'e', 4));
    expect(session.objects.get(8)).toBeUndefined();
  });
});

describe('HWPT_ALLOC', () => {
  const base = { flags: 0, dev_id: 1, pt_id: 5, ...S1 };
  it.each([
    ['a size below the least', { size: 8 }, 'EINVAL'],
    ['a nonzero tail', { size: 56, tail: true }, 'E2BIG'],
    ['a reserved word', { reserved: 1 }, 'EOPNOTSUPP'],
    ['a type without data', { data_len: 0 }, 'EINVAL'],
    ['data without a type', { data_type: 0 }, 'EINVAL'],
    ['a device id that names an IOAS', { dev_id: 3 }, 'ENOENT'],
    ['a pt_id that names nothing', { pt_id: 99 }, 'EINVAL'],
    ['a nested HWPT to nest on', { pt_id: 7 }, 'EINVAL'],
    ['a nest parent to nest on', { pt_id: 4 }, 'EOPNOTSUPP'],
    ['an IOAS with data', { pt_id: 3 }, 'EOPNOTSUPP'],
    ['dirty tracking on a vIOMMU', { flags: 2 }, 'EOPNOTSUPP'],
    ['another data type', { data_type: 1 }, 'EINVAL'],
    ['8 bytes of data', { data_len: 8 }, 'EINVAL'],
    ['24 bytes of data', { data_len: 24, data: new Uint8Array(24) }, 'EINVAL'],
    ['a fault queue that is none', { flags: 4, fault_id: 0 }, 'ENOENT'],
    ['a vSTE with Config=S2', { data: words(0xdn, 0n) }, 'EIO'],
  ])('refuses %s', (_what, change, errno) => {
    const { world, session } = nested();
    const { data: _, ...nothing } = { ...base };
    expect(world.run(hwptAlloc(session, { ...base, ...change })).errno).toBe(errno);
    expect(world.run(hwptAlloc(session, nothing)).errno).toBe('EFAULT');
  });

  it('takes a longer struct with a zero tail', () => {
    const { world, session } = nested();
    expect(world.run(hwptAlloc(session, { ...base, size: 56 })).out.id).toBe(8);
  });
});

describe('VFIO_DEVICE_ATTACH_IOMMUFD_PT with a PASID', () => {
  /** As `nested`, and an HWPT 8 that was allocated with IOMMU_HWPT_ALLOC_PASID, an HWPT 9 without. */
  const withPasids = () => {
    const made = nested();
    const paging = { dev_id: 1, pt_id: 3, data_type: 0, data_len: 0 };
    for (const flags of [8, 0]) made.world.run(hwptAlloc(made.session, { flags, ...paging }));
    return made;
  };

  it('attaches one, which a nested HWPT then cannot be beside', () => {
    const { world, session } = withPasids();
    expect(world.run(vfioAttach(session, 'd', 8, 5))).toEqual({ out: { pt_id: 8 } });
    expect(world.run(vfioAttach(session, 'd', 7)).errno).toBe('EINVAL');
    expect(world.run(destroy(session, { id: 8 })).errno).toBe('EBUSY');
    expect(world.run(vfioDetach(session, 'd', 5)).errno).toBeUndefined();
    expect(world.run(vfioAttach(session, 'd', 7)).errno).toBeUndefined();
    expect(world.run(destroy(session, { id: 8 })).errno).toBeUndefined();
  });

  it.each([
    ['an id that names nothing', 99, 5, 'ENOENT'],
    ['a device', 2, 5, 'EINVAL'],
    ['a vDEVICE', 6, 5, 'EINVAL'],
    ['an IOAS, whose automatic HWPT is none for PASIDs', 3, 5, 'EINVAL'],
    ['a nest parent', 4, 5, 'EINVAL'],
    ['a nested HWPT', 7, 5, 'EINVAL'],
    ['an HWPT without the flag', 9, 5, 'EINVAL'],
    ['a PASID that the SMMU does not take', 8, 64, 'EINVAL'],
    ['a PASID that VFIO has no room for', 99, 2 ** 31, 'ENOSPC'],
  ])('refuses %s', (_what, pt, pasid, errno) => {
    const { world, session } = withPasids();
    expect(world.run(vfioAttach(session, 'd', pt, pasid)).errno).toBe(errno);
    expect(world.get('device', 'd')?.pasids.size).toBe(0);
  });

  it('takes PASID 0 for the device itself, an IOAS and its automatic HWPT included', () => {
    const { world, session } = withPasids();
    expect(world.run(vfioAttach(session, 'd', 7, 0))).toEqual({ out: { pt_id: 7 } });
    expect(world.run(vfioAttach(session, 'd', 3, 0))).toEqual({ out: { pt_id: 10 } });
    expect(world.run(vfioAttach(session, 'd', 7)).errno).toBe('EBUSY');
    expect(world.run(vfioDetach(session, 'd', 0)).errno).toBeUndefined();
    expect(world.run(vfioAttach(session, 'd', 10)).errno).toBe('ENOENT');
    expect(world.run(vfioAttach(session, 'd', 7)).errno).toBeUndefined();
  });

  it('ends with the device’s file', () => {
    const { world, session } = withPasids();
    world.run(vfioAttach(session, 'd', 8, 5));
    world.run(vfioClose(session, 'd'));
    expect(world.run(destroy(session, { id: 8 })).errno).toBeUndefined();
  });

  it('is announced by GET_HW_INFO for the device that has them', () => {
    const { session } = withPasids();
    const log2 = [1, 2].map((dev_id) => {
      const { out } = getHwInfo(session, { flags: 0, dev_id, data_len: 0, writable: true });
      return out.max_pasid_log2;
    });
    expect(log2).toEqual([6, 0]);
  });
});

describe('the file of a fault queue', () => {
  /** As `nested`, a fault queue 8 and an HWPT 9 with it, device 1 on it, and a fault. */
  const faulting = () => {
    const made = nested();
    const { world, session } = made;
    world.run(faultQueueAlloc(session, { flags: 0 }));
    const paging = { dev_id: 1, pt_id: 3, data_type: 0, data_len: 0 };
    world.run(hwptAlloc(session, { flags: 4, fault_id: 8, ...paging }));
    world.run(vfioAttach(session, 'd', 9));
    const fault = { device: 'd', attachment: 0, group: 5, permissions: 1 } as const;
    const { name } = session.objects.of('fault-queue', 8)!;
    world.do({ type: 'ReportPageFault', faultQueue: name, ...fault, address: '0x4000' });
    return made;
  };

  it('is read and written in whole structs, and says when there is something to read', () => {
    const { world, session } = faulting();
    expect(pollFaultQueue(session, 8)).toBe(true);
    expect(world.run(readFaultQueue(session, 8, 39))).toMatchObject({ errno: 'ESPIPE' });
    const fault = { flags: 2, dev_id: 1, pasid: 0, grpid: 5, perm: 1, addr: 0x4000n };
    expect(world.run(readFaultQueue(session, 8, 80)).out).toEqual({
      bytes: 40,
      faults: [{ ...fault, length: 0, cookie: 1 }],
    });
    expect(pollFaultQueue(session, 8)).toBe(false);
    const response = [{ cookie: 1, code: 0 }];
    expect(world.run(writeFaultQueue(session, 8, response, 9)).errno).toBe('ESPIPE');
    expect(world.run(writeFaultQueue(session, 8, response)).out).toEqual({ bytes: 8 });
    expect(world.run(writeFaultQueue(session, 8, response)).errno).toBe('EINVAL');
    expect(world.run(readFaultQueue(session, 4, 40)).errno).toBe('ENOENT');
    expect(world.run(writeFaultQueue(session, 4, response)).errno).toBe('ENOENT');
  });

  it('keeps the queue, as does an HWPT that uses it', () => {
    const { world, session } = faulting();
    expect(world.run(destroy(session, { id: 8 })).errno).toBe('EBUSY');
    world.run(closeQueue(session, 8));
    expect(world.run(destroy(session, { id: 8 })).errno).toBe('EBUSY');
    world.run(vfioDetach(session, 'd'));
    world.run(destroy(session, { id: 9 }));
    expect(world.run(destroy(session, { id: 8 })).errno).toBeUndefined();
  });
});

describe('dirty tracking', () => {
  const bitmap = { hwpt_id: 4, flags: 0, iova: 0n, length: 0x4000n, page_size: 0x1000n };

  it.each([
    [{}, 'EOPNOTSUPP'],
    [{ flags: 2, hwpt_id: 99 }, 'EOPNOTSUPP'],
    [{ reserved: 1, hwpt_id: 99 }, 'EOPNOTSUPP'],
    [{ size: 40 }, 'EINVAL'],
    [{ hwpt_id: 7, page_size: 0n }, 'ENOENT'],
    [{ iova: 0x1000n, length: 2n ** 64n - 1n, page_size: 0n }, 'EOVERFLOW'],
    [{ iova: 0x1000n, length: 0n }, 'EOVERFLOW'],
    [{ iova: 0x800n }, 'EINVAL'],
    [{ page_size: 0n }, 'EINVAL'],
    [{ page_size: 0x8000n }, 'EINVAL'],
  ])(
    'cannot be read, and GET_DIRTY_BITMAP with %j says so in the kernel’s order: %s',
    (change, errno) => {
      const { session } = nested();
      expect(hwptGetDirtyBitmap(session, { ...bitmap, ...change })).toEqual({ errno, out: {} });
    },
  );

  it.each([
    [{}, 'EOPNOTSUPP'],
    [{ flags: 2, hwpt_id: 99 }, 'EOPNOTSUPP'],
    [{ hwpt_id: 5 }, 'ENOENT'],
    [{ size: 12 }, 'EINVAL'],
  ])('cannot be switched on, and SET_DIRTY_TRACKING with %j says so: %s', (change, errno) => {
    const { session } = nested();
    const request = { flags: 1, hwpt_id: 4, ...change };
    expect(hwptSetDirtyTracking(session, request).errno).toBe(errno);
  });
});

describe('HWPT_INVALIDATE', () => {
  const nhAll = [0x10n, 0n];
  const bad = [0x3n, 0n];
  const call = (entries: bigint[][], change: object = {}) => {
    const { world, session } = nested();
    const base = { hwpt_id: 5, data_type: 1, entry_len: 16, entry_num: entries.length };
    const request = { ...base, data: words(...entries.flat()), ...change };
    return world.run(hwptInvalidate(session, request));
  };
  const many = (count: number): bigint[][] => Array.from({ length: count }, () => nhAll);

  it('counts as handled what it never issued, up to the failing entry', () => {
    expect(call(many(3))).toEqual({ out: { entry_num: 3 } });
    expect(call([...many(2), bad])).toEqual({ errno: 'EIO', out: { entry_num: 2 } });
    expect(call([...many(70), bad])).toEqual({ errno: 'EIO', out: { entry_num: 70 } });
  });

  it.each([
    ['no entry', { entry_num: 0 }, 'EINVAL'],
    ['another type', { data_type: 99 }, 'EINVAL'],
    ['a nested HWPT', { hwpt_id: 7 }, 'EOPNOTSUPP'],
    ['a paging HWPT', { hwpt_id: 4 }, 'EINVAL'],
    ['an id that names nothing', { hwpt_id: 99 }, 'ENOENT'],
    ['long entries with a tail', { entry_len: 32, data: words(0x10n, 0n, 0n, 1n) }, 'E2BIG'],
    ['memory that is not there', { data: new Uint8Array(8) }, 'EFAULT'],
    ['a null pointer', { data: null, hwpt_id: 99 }, 'EINVAL'],
    ['entries of no length', { entry_len: 0, hwpt_id: 99 }, 'EINVAL'],
    ['a tail that is not there', { entry_len: 32, data: new Uint8Array(24) }, 'EFAULT'],
    [
      'a tail that begins with a one',
      { entry_len: 2 ** 32 - 1, data: words(0x10n, 0n, 1n) },
      'E2BIG',
    ],
  ])('refuses %s and has handled nothing', (_what, change, errno) => {
    expect(call([nhAll], change)).toEqual({ errno, out: { entry_num: 0 } });
  });

  it('has no memory for more than 4 MiB of commands, and counts none of them', () => {
    const entry_num = 2 ** 18 + 1;
    expect(call([nhAll], { entry_num })).toEqual({ errno: 'ENOMEM', out: { entry_num } });
    expect(call([nhAll], { entry_num: 2 ** 18 }).errno).toBe('EFAULT');
    const most = { entry_num: 2 ** 32 - 1, entry_len: 2 ** 32 - 1, data_type: 99 };
    expect(call([nhAll], most)).toEqual({ errno: 'ENOMEM', out: { entry_num: 2 ** 32 - 1 } });
    expect(call([nhAll], { ...most, data: null }).errno).toBe('EINVAL');
  });

  it('looks at one entry after the other: a tail comes before memory that ends behind it', () => {
    const first = words(0x10n, 0n, 1n);
    expect(call([], { entry_num: 9, entry_len: 24, data: first }).errno).toBe('E2BIG');
    const second = words(0x10n, 0n, 0n, 0x10n, 0n);
    expect(call([], { entry_num: 2, entry_len: 24, data: second }).errno).toBe('EFAULT');
  });

  it('probes for a data type with no entry and no pointer, which is EINVAL for the right type too', () => {
    expect(call([], { entry_num: 0, entry_len: 0, data: null })).toEqual({
      errno: 'EINVAL',
      out: { entry_num: 0 },
    });
    expect(call([], { entry_num: 0, hwpt_id: 99 }).errno).toBe('ENOENT');
  });

  it('fills short entries up with zeros', () => {
    expect(call([nhAll], { entry_len: 8, data: words(0x10n) }).out.entry_num).toBe(1);
  });
});

describe('IOAS_MAP and IOAS_COPY', () => {
  const map = { flags: 6, ioas_id: 3, pa: 0x1_0000_0000n, iova: 0n, length: 0x1000n };
  const copy = { dst_ioas_id: 3, src_ioas_id: 3, length: 0x1000n, src_iova: 0x1000n, dst_iova: 0n };

  it('write back the IOVA that the kernel chose', () => {
    const { world, session } = nested();
    expect(world.run(ioasMap(session, map))).toEqual({ out: { iova: 0x1000n } });
    const placed = { ...map, flags: 7, iova: 0x8000n };
    expect(world.run(ioasMap(session, placed))).toEqual({ out: { iova: 0x8000n } });
    const copied = world.run(ioasCopy(session, { ...copy, flags: 6 }));
    expect(copied).toEqual({ out: { iova: 0x2000n } });
  });

  it.each([
    [{ flags: 8 }, 'EOPNOTSUPP'],
    [{ dst_iova: 2n ** 64n - 1n }, 'EOVERFLOW'],
    [{ src_iova: 2n ** 64n - 1n }, 'EOVERFLOW'],
    [{ flags: 1 }, 'EINVAL'],
    [{ src_ioas_id: 4 }, 'ENOENT'],
    [{ dst_ioas_id: 99 }, 'ENOENT'],
    [{ src_iova: 0x7000n }, 'ENOENT'],
    [{ flags: 7, dst_iova: 0x1000n }, 'EEXIST'],
    [{ size: 32 }, 'EINVAL'],
  ])('refuse %j: %s', (change, errno) => {
    const { world, session } = nested();
    world.run(ioasMap(session, map));
    expect(world.run(ioasCopy(session, { ...copy, flags: 6, ...change })).errno).toBe(errno);
  });
});

describe('the ranges of an IOAS', () => {
  const range = (start: bigint, last: bigint) => ({ start, last });
  const attached = () => {
    const made = nested();
    made.world.run(vfioAttach(made.session, 'd', 7));
    return made;
  };

  it('are told as far as the array has room, EMSGSIZE says that there are more', () => {
    const { session } = attached();
    const ask = (num_iovas: number) =>
      ioasIovaRanges(session, { ioas_id: 3, num_iovas, writable: true });
    const all = [range(0n, 0x7ffffffn), range(0x8100000n, (1n << 44n) - 1n)];
    expect(ask(2)).toEqual({ out: { ranges: all, num_iovas: 2, iova_alignment: 4096n } });
    expect(ask(1)).toMatchObject({ errno: 'EMSGSIZE', out: { ranges: [all[0]], num_iovas: 2 } });
  });

  it.each([
    [{ reserved: 1 }, 'EOPNOTSUPP'],
    [{ ioas_id: 4 }, 'ENOENT'],
    [{ writable: false }, 'EFAULT'],
    [{ size: 24 }, 'EINVAL'],
  ])('are not told for %j: %s', (change, errno) => {
    const request = { ioas_id: 3, num_iovas: 4, writable: true, ...change };
    expect(ioasIovaRanges(attached().session, request).errno).toBe(errno);
  });

  it.each([
    [{ reserved: 1 }, 'EOPNOTSUPP'],
    [{ ioas_id: 4 }, 'ENOENT'],
    [{ num_iovas: 2 }, 'EFAULT'],
    [{ allowed_iovas: [range(0n, 0n)] }, 'EINVAL'],
    [{ allowed_iovas: [range(0n, 0x9000000n)] }, 'EADDRINUSE'],
  ])('cannot be allowed by %j: %s', (change, errno) => {
    const { world, session } = attached();
    const request = { ioas_id: 3, num_iovas: 1, allowed_iovas: [range(0x1000n, 0x1fffn)] };
    expect(world.run(ioasAllowIovas(session, { ...request, ...change })).errno).toBe(errno);
    expect(world.run(ioasAllowIovas(session, request)).errno).toBeUndefined();
  });
});

describe('OPTION', () => {
  const call = (change: object) => {
    const { world, session } = nested();
    const request = { option_id: 1, op: 1, object_id: 3, val64: 0n, ...change };
    return world.run(option(session, request));
  };

  it('reads and turns off huge pages while nothing is mapped', () => {
    expect(call({})).toEqual({ out: { val64: 1n } });
    expect(call({ op: 0 })).toEqual({ out: { val64: 0n } });
    expect(call({ option_id: 0, object_id: 0 })).toEqual({ out: { val64: 0n } });
  });

  it.each([
    [{ reserved: 1 }, 'EOPNOTSUPP'],
    [{ option_id: 7 }, 'EOPNOTSUPP'],
    [{ op: 2 }, 'EOPNOTSUPP'],
    [{ object_id: 4 }, 'ENOENT'],
    [{ op: 0, val64: 2n }, 'EINVAL'],
    [{ option_id: 0 }, 'EOPNOTSUPP'],
    [{ option_id: 0, object_id: 0, op: 0 }, 'EPERM'],
  ])('answers %j with %s', (change, errno) => {
    expect(call(change).errno).toBe(errno);
  });
});

describe('GET_HW_INFO', () => {
  const info = (change: object) => {
    const { session } = nested();
    return getHwInfo(session, { flags: 0, dev_id: 1, data_len: 40, writable: true, ...change });
  };

  it('gives the raw ID registers, cut or filled up to the buffer', () => {
    const { data } = info({}).out;
    expect(new DataView(data.buffer).getUint32(8, true)).toBe(0xd44101b);
    expect(info({ data_len: 4 }).out).toMatchObject({ data_len: 40, data: new Uint8Array(4) });
    expect(info({ data_len: 64 }).out.data.subarray(40)).toEqual(new Uint8Array(24));
  });

  it.each([
    [{ flags: 2 }, 'EOPNOTSUPP'],
    [{ flags: 1, in_data_type: 1 }, 'EOPNOTSUPP'],
    [{ dev_id: 3 }, 'ENOENT'],
    [{ writable: false }, 'EFAULT'],
  ])('refuses %j with %s', (change, errno) => {
    expect(info(change).errno).toBe(errno);
  });
});

describe('the end of the file', () => {
  it('destroys everything, whatever holds what, once no device holds the file', () => {
    const { world, session } = nested();
    world.run(vfioAttach(session, 'd', 7));
    world.run(closeFile(session));
    expect(session.objects.ids()).toHaveLength(7);
    for (const device of ['d', 'e']) world.run(vfioClose(session, device));
    world.run(closeFile(session));
    expect(session.objects.ids()).toEqual([]);
    expect(world.get('smmu', 's')?.vmids.size).toBe(0);
  });

  it('is forestalled object by object while others refer to them', () => {
    const { world, session } = nested();
    world.run(vfioAttach(session, 'd', 7));
    for (const id of [1, 3, 4, 5, 7]) {
      expect(world.run(destroy(session, { id })).errno).toBe('EBUSY');
    }
    expect(world.run(destroy(session, { id: 6 })).errno).toBeUndefined();
  });
});
