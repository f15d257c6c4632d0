import { fromHex, type Hex } from '@steward/domain';
import { failed, perform, type Conversation } from './conversation';
import type { Session } from './session';

/** An item that read() returns: struct iommufd_vevent_header, and without LOST_EVENTS the 32-byte record. */
export interface VeventRecord {
  readonly flags: number;
  readonly sequence: number;
  readonly words?: readonly bigint[];
}

interface ReadOut {
  /** -1 on an error. */
  readonly bytes: number;
  readonly records: readonly VeventRecord[];
}

/** read() of a vEVENTQ's file descriptor (iommufd_veventq_fops_read): never blocks, whole items only. */
export function* readVeventq(session: Session, id: number, bytes: number): Conversation<ReadOut> {
  const queue = session.objects.of('veventq', id);
  if (queue === undefined) return { errno: 'ENOENT', out: { bytes: -1, records: [] } };
  const { errno, answer } = yield { type: 'ReadVevents', veventq: queue.name, bytes };
  if (errno !== undefined) return { errno, out: { bytes: -1, records: [] } };
  const records = (answer?.['records'] ?? []) as readonly (Omit<VeventRecord, 'words'> & {
    words?: readonly Hex[];
  })[];
  return {
    out: {
      bytes: Number(answer?.['bytes'] ?? 0),
      records: records.map(({ words, ...header }) =>
        words === undefined ? header : { ...header, words: words.map(fromHex) },
      ),
    },
  };
}

/** write() to a vEVENTQ: the file has no such operation. */
export function writeVeventq(): { readonly errno: 'EINVAL' } {
  return { errno: 'EINVAL' };
}

/** Whether poll() says that there is something to read. */
export function pollVeventq(session: Session, id: number): boolean {
  const queue = session.objects.of('veventq', id);
  const state = queue && session.context.get('veventq', queue.name);
  return state !== undefined && state.items.length > 0;
}

/** close() of the file descriptor of a vEVENTQ or fault queue, which held a reference on it. */
export function* closeQueue(session: Session, id: number): Conversation {
  const object = session.objects.get(id);
  switch (object?.kind) {
    case 'veventq':
      return yield* perform({ type: 'CloseVeventq', veventq: object.name });
    case 'fault-queue':
      return yield* perform({ type: 'CloseFaultQueue', faultQueue: object.name });
    default:
      return failed('ENOENT');
  }
}
