import type { Context } from '../aggregates';
import { emit } from '../decision';
import type { Emitted, Rejection } from '../decision';
import type { AttachTarget } from '../device/events';
import { isOf } from './state';

/** A device, or one of its PASIDs; 0: the device itself. */
interface Attachment {
  readonly device: string;
  readonly attachment: number;
}

/** The queue that the page faults of a domain go to. */
export function queueOf({ kind, id }: AttachTarget, context: Context): string | undefined {
  return kind === 's2-parent' ? undefined : context.get(kind, id)?.faultQueue;
}

/** The queue that the page faults of an attachment go to as it is now. */
export function queueOfAttachment(
  { device, attachment }: Attachment,
  context: Context,
): string | undefined {
  const state = context.get('device', device);
  const domain = state?.pasids.get(attachment)?.domain;
  const of =
    attachment === 0 ? state?.attached : domain && ({ kind: 's1-domain', id: domain } as const);
  return of && queueOf(of, context);
}

/** The faults of an attachment that goes away are over (iommufd_auto_response_faults). */
export function faultsDropped(of: Attachment, target: AttachTarget, context: Context): Emitted[] {
  const queue = queueOf(target, context);
  const state = queue === undefined ? undefined : context.get('fault-queue', queue);
  if (queue === undefined || state === undefined) return [];
  const { device, attachment } = of;
  const open = [...state.unread, ...state.waiting.values()];
  if (!open.some((fault) => isOf(fault, of))) return [];
  return [emit('fault-queue', queue, { type: 'PageFaultsDropped', device, attachment })];
}

/** Why a domain cannot send its page faults to this queue, if it names one (iommufd_get_fault). */
export function queueProblem(
  faultQueue: string | undefined,
  context: Context,
): Rejection | undefined {
  if (faultQueue === undefined) return undefined;
  const state = context.get('fault-queue', faultQueue);
  if (state !== undefined && !state.freed) return undefined;
  return { errno: 'ENOENT', code: 'fault-queue.absent', reason: `no fault queue ${faultQueue}` };
}

export function joinedQueue(faultQueue: string | undefined, user: string): Emitted[] {
  if (faultQueue === undefined) return [];
  return [emit('fault-queue', faultQueue, { type: 'FaultQueueJoined', user })];
}

export function leftQueue(faultQueue: string | undefined, user: string): Emitted[] {
  if (faultQueue === undefined) return [];
  return [emit('fault-queue', faultQueue, { type: 'FaultQueueLeft', user })];
}
