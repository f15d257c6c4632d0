import { nested } from './__fixtures__/world';
import { ioasAllowIovas, ioasCopy, ioasIovaRanges, ioasMap, option, vfioAttach } from './index';

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
