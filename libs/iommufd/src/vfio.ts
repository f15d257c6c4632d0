import type { CommandOf } from '@steward/domain';
import { failed, perform, type Conversation } from './conversation';
import type { ObjectKind } from './object-table';
import type { Session } from './session';

/** VFIO_DEVICE_BIND_IOMMUFD. @returns out_devid. */
export function* vfioBind(session: Session, device: string): Conversation<{ id?: number }> {
  if (boundId(session, device) !== undefined) return failed('EINVAL');
  const { errno } = yield { type: 'BindDevice', device, vm: session.vm };
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add({ kind: 'device', name: device }) } };
}

/**
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT: attach, or replace what is attached.
 * @param pasid with VFIO_DEVICE_ATTACH_PASID: one PASID of the device instead of its traffic without one.
 * @returns pt_id: the id of the HWPT, which for an IOAS is an automatic one.
 */
export function* vfioAttach(
  session: Session,
  device: string,
  pt: number,
  pasid?: number,
): Conversation<{ pt_id?: number }> {
  if (boundId(session, device) === undefined) return failed('EINVAL');
  if (pasid !== undefined) return yield* attachPasid(session, device, pt, pasid);
  const target = session.objects.get(pt);
  switch (target?.kind) {
    case undefined:
      return failed('ENOENT');
    case 'nested':
      return yield* attach(session, pt, { kind: 'nested-domain', id: target.name }, device);
    case 'nest-parent':
      return yield* attach(session, pt, { kind: 's2-parent', id: target.name }, device);
    case 'stage1':
      return yield* attach(session, pt, { kind: 's1-domain', id: target.name }, device);
    case 'ioas':
      return yield* attachToIoas(session, device, target.name);
    default:
      return failed('EINVAL');
  }
}

function* attachPasid(
  session: Session,
  device: string,
  pt_id: number,
  pasid: number,
): Conversation<{ pt_id?: number }> {
  const object = session.objects.get(pt_id);
  if (object === undefined) return failed('ENOENT');
  const kind = TARGET_KINDS[object.kind];
  if (kind === undefined || object.kind === 'vdevice') return failed('EINVAL');
  const target = { kind, id: object.name } as const;
  const command = { type: 'AttachPasid', device, pasid, target, holder: 'iommufd' } as const;
  const { errno } = yield command;
  return errno === undefined ? { out: { pt_id } } : failed(errno);
}

/** What a device's PASIDs could be attached to, by the kind of object that is named. */
const TARGET_KINDS: Readonly<Partial<Record<ObjectKind, PasidTarget['kind']>>> = {
  nested: 'nested-domain',
  'nest-parent': 's2-parent',
  stage1: 's1-domain',
  ioas: 'ioas',
};

type PasidTarget = Extract<CommandOf<'device'>, { type: 'AttachPasid' }>['target'];
type Target = Extract<CommandOf<'device'>, { type: 'AttachDevice' }>['target'];

function* attach(
  session: Session,
  pt_id: number,
  target: Target,
  device: string,
): Conversation<{ pt_id?: number }> {
  const { errno } = yield { type: 'AttachDevice', device, target };
  session.forgetFreed();
  return errno === undefined ? { out: { pt_id } } : failed(errno);
}

function* attachToIoas(
  session: Session,
  device: string,
  ioas: string,
): Conversation<{ pt_id?: number }> {
  const automatic = session.nextName('auto');
  const target = { kind: 'ioas', id: ioas, automatic } as const;
  const { errno, answer } = yield { type: 'AttachDevice', device, target };
  if (errno !== undefined) return failed(errno);
  const name = String(answer?.['domain']);
  if (name === automatic) session.objects.add({ kind: 'stage1', name, automatic: true });
  session.forgetFreed();
  const pt_id = session.objects.find((object) => object.kind === 'stage1' && object.name === name);
  return { out: pt_id === undefined ? {} : { pt_id } };
}

/** VFIO_DEVICE_DETACH_IOMMUFD_PT, with `pasid` and VFIO_DEVICE_DETACH_PASID of that PASID alone. */
export function* vfioDetach(session: Session, device: string, pasid?: number): Conversation {
  if (boundId(session, device) === undefined) return failed('EINVAL');
  if (pasid !== undefined) {
    return yield* perform({ type: 'DetachPasid', device, pasid, holder: 'iommufd' });
  }
  const reply = yield* perform({ type: 'DetachDevice', device });
  session.forgetFreed();
  return reply;
}

/** close() of a VFIO device: it goes back to the host kernel; the id of its vDEVICE dies until the iommufd is closed. */
export function* vfioClose(session: Session, device: string): Conversation {
  const id = boundId(session, device);
  if (id === undefined) return { out: {} };
  const reply = yield* perform({ type: 'ReleaseDevice', device });
  session.objects.remove(id);
  const vdevice = session.objects.find(
    (object) => object.kind === 'vdevice' && object.device === device,
  );
  if (vdevice !== undefined) session.objects.bury(vdevice);
  session.forgetFreed();
  return reply;
}

function boundId(session: Session, device: string): number | undefined {
  return session.objects.find((object) => object.kind === 'device' && object.name === device);
}
