import { nested, words } from './__fixtures__/world';
import { hwptInvalidate } from './index';

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
