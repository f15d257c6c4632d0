import { nested, S1, words } from './__fixtures__/world';
import {
  closeFile,
  destroy,
  getHwInfo,
  hwptAlloc,
  ioasAlloc,
  ObjectTable,
  vfioAttach,
  vfioBind,
  vfioClose,
} from './index';

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
