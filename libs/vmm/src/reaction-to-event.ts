import { advance, queueEntries } from '@steward/domain';
import type { DomainEvent, VsmmuState } from '@steward/domain';
import { reactToGuestCommands } from './guest-commands';
import { reactToRegisterWrite } from './guest-registers';
import type { Reaction } from './restage';
import type { VsmmuView } from './view';

/**
 * What a VMM does about an event of one of its vSMMUs, if anything.
 * @param of the vSMMU's state after the event, what the VMM sees then, and CR0 as it was before.
 * @param cause names the event; ids of what the reaction allocates follow from it.
 */
export function reactionToEvent(
  event: DomainEvent,
  of: {
    readonly vsmmu: string;
    readonly state: () => VsmmuState;
    readonly view: () => VsmmuView;
    readonly cr0Before: () => bigint;
  },
  cause: string,
): Reaction | undefined {
  const name = (n: number): string => `${of.vsmmu}.${cause}.${n}`;
  if (event.type === 'GuestCommandsQueued') {
    const state = of.state();
    const span = 2 * queueEntries(state, 'CMDQ_BASE');
    const cons = advance(state, 'CMDQ_BASE', 'CMDQ_PROD', span - event.count);
    return reactToGuestCommands(of.view(), { words: event.words, cons, span }, name);
  }
  if (event.type === 'VsmmuRegisterWritten') {
    const written = { register: event.register, before: of.cr0Before() };
    return reactToRegisterWrite(of.view(), written, name);
  }
  return undefined;
}
