import { whyVfioRefuses } from '@steward/domain';
import type { Command, CommandOf } from '@steward/domain';
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
 * @param pasid with VFIO_DEVICE_ATTACH_PASID: one PASID of the device; 0 is its traffic without one.
 * @returns pt_id: the id of the HWPT, which for an IOAS is an automatic one.
 */
export function* vfioAttach(
  session: Session,
  device: string,
  pt: number,
  pasid?: number,
): Conversation<{ pt_id?: number }> {
  if (boundId(session, device) === undefined) return failed('EINVAL');
  const state = session.context.get('device', device);
  const refused =
    pasid === undefined || !state ? undefined : whyVfioRefuses(pasid, state, session.context);
  if (refused !== undefined) return failed(refused.errno);
  const object = session.objects.get(pt);
  if (object === undefined) return failed('ENOENT');
  if (object.kind === 'ioas') return yield* attachToIoas(session, { device, pasid }, object.name);
  const kind = TARGET_KINDS[object.kind];
  if (kind === undefined || object.kind === 'vdevice') return failed('EINVAL');
  const { errno } = yield attachCommand({ device, pasid }, { kind, id: object.name });
  session.forgetFreed();
  return errno === undefined ? { out: { pt_id: pt } } : failed(errno);
}

/** A device, or one PASID of it. */
interface Attached {
  readonly device: string;
  readonly pasid: number | undefined;
}

/** What can be attached to, by the kind of object that is named. */
const TARGET_KINDS: Readonly<Partial<Record<ObjectKind, AttachTarget['kind']>>> = {
  nested: 'nested-domain',
  'nest-parent': 's2-parent',
  stage1: 's1-domain',
};

type AttachDevice = Extract<CommandOf<'device'>, { type: 'AttachDevice' }>;
type AttachTarget = Exclude<AttachDevice['target'], { kind: 'ioas' }>;

function attachCommand({ device, pasid }: Attached, target: AttachDevice['target']): Command {
  if (pasid === undefined) return { type: 'AttachDevice', device, target };
  return { type: 'AttachPasid', device, pasid, target, holder: 'iommufd' };
}

function* attachToIoas(
  session: Session,
  what: Attached,
  ioas: string,
): Conversation<{ pt_id?: number }> {
  const automatic = session.nextName('auto');
  const { errno, answer } = yield attachCommand(what, { kind: 'ioas', id: ioas, automatic });
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
    const reply = yield* perform({ type: 'DetachPasid', device, pasid, holder: 'iommufd' });
    session.forgetFreed();
    return reply;
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
