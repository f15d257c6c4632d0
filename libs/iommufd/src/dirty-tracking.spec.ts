import { nested } from './__fixtures__/world';
import { hwptGetDirtyBitmap, hwptSetDirtyTracking } from './index';

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
