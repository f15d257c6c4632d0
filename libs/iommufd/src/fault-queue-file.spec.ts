import { nested } from './__fixtures__/world';
import {
  closeQueue,
  destroy,
  faultQueueAlloc,
  hwptAlloc,
  pollFaultQueue,
  readFaultQueue,
  vfioAttach,
  vfioDetach,
  writeFaultQueue,
} from './index';

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
