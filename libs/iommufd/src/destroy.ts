import type { Command } from '@steward/domain';
import { failed, type Conversation } from './conversation';
import type { IommufdObject } from './object-table';
import type { Session } from './session';
import { sizeProblem, type Sized } from './struct-size';

/** IOMMU_DESTROY (iommufd_destroy): ENOENT for an id that names nothing, EBUSY while something refers to the object. */
export function* destroy(session: Session, request: Sized & { readonly id: number }): Conversation {
  const bad = sizeProblem('DESTROY', request);
  if (bad !== undefined) return failed(bad);
  const object = session.objects.get(request.id);
  if (object === undefined) return failed('ENOENT');
  const command = freeing(object);
  // VFIO refers to a bound device; an automatic domain has the device it was made for.
  if (command === undefined) return failed('EBUSY');
  const { errno } = yield command;
  if (errno !== undefined) return failed(errno);
  session.objects.remove(request.id);
  return { out: {} };
}

/**
 * The last reference to the file goes: everything in it is destroyed, what nothing refers to first, again and again
 * (iommufd_fops_release). Open devices and queues hold the file, so then nothing happens yet.
 */
export function* closeFile(session: Session): Conversation {
  const { objects, context } = session;
  const held = objects.find((object) => {
    if (object.kind === 'device') return true;
    if (object.kind === 'veventq') return context.get('veventq', object.name)?.open === true;
    if (object.kind === 'fault-queue') {
      return context.get('fault-queue', object.name)?.open === true;
    }
    return false;
  });
  if (held !== undefined) return { out: {} };
  for (let left = objects.ids(); left.length > 0; left = objects.ids()) {
    for (const id of left) yield* destroy(session, { id });
    if (objects.ids().length === left.length) throw new Error('objects that hold each other');
  }
  return { out: {} };
}

function freeing(object: IommufdObject): Command | undefined {
  switch (object.kind) {
    case 'device':
      return undefined;
    case 'ioas':
      return { type: 'FreeIoas', ioas: object.name };
    case 'nest-parent':
      return { type: 'FreeNestParent', parent: object.name };
    case 'stage1':
      return object.automatic ? undefined : { type: 'FreeS1Domain', domain: object.name };
    case 'nested':
      return { type: 'FreeNestedDomain', domain: object.name };
    case 'viommu':
      return { type: 'FreeVsmmu', vsmmu: object.name };
    case 'vdevice':
      return { type: 'FreeVdevice', vsmmu: object.viommu, device: object.device };
    case 'veventq':
      return { type: 'FreeVeventq', veventq: object.name };
    case 'fault-queue':
      return { type: 'FreeFaultQueue', faultQueue: object.name };
  }
}
