import { nested } from './__fixtures__/world';
import { destroy, getHwInfo, hwptAlloc, vfioAttach, vfioClose, vfioDetach } from './index';

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
