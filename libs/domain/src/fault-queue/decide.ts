import type { Context, Decider } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision } from '../decision';
import type { FaultQueueCommand } from './commands';
import { evolve } from './state';

export const faultQueueDecider: Decider<'fault-queue'> = {
  kind: 'fault-queue',
  commands: { AllocateFaultQueue: true, CloseFaultQueue: true, FreeFaultQueue: true },
  decide,
  evolve,
};

function decide(command: FaultQueueCommand, context: Context): Decision {
  const { faultQueue } = command;
  const state = context.get('fault-queue', faultQueue);
  if (command.type === 'AllocateFaultQueue') {
    const { vm } = command;
    if (context.get('vm', vm) === undefined) return reject('ENOENT', 'vm.absent', `no VM ${vm}`);
    if (state !== undefined) {
      return reject('EEXIST', 'fault-queue.exists', `fault queue ${faultQueue} exists already`);
    }
    return accept(emit('fault-queue', faultQueue, { type: 'FaultQueueAllocated', faultQueue, vm }));
  }
  if (state === undefined || state.freed) {
    return reject('ENOENT', 'fault-queue.absent', `no fault queue ${faultQueue}`);
  }
  if (command.type === 'CloseFaultQueue') {
    if (!state.open) return accept();
    return accept(emit('fault-queue', faultQueue, { type: 'FaultQueueClosed', faultQueue }));
  }
  if (state.open) return reject('EBUSY', 'fault-queue.open', `${faultQueue} is open`);
  const [user] = state.users;
  if (user !== undefined) return reject('EBUSY', 'fault-queue.used', `${user} uses ${faultQueue}`);
  return accept(emit('fault-queue', faultQueue, { type: 'FaultQueueFreed', faultQueue }));
}
