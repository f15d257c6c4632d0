import type { Context } from '../aggregates';
import { emit } from '../decision';
import type { Emitted, Rejection } from '../decision';

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
