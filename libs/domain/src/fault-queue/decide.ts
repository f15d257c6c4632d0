import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, unreachable } from '../decision';
import type { Decision } from '../decision';
import type { FaultQueueCommand, PageFault } from './commands';
import type { PageAnswer } from './events';
import { evolve } from './state';
import type { FaultQueueState } from './state';
import { queueOfAttachment } from './users';

export const faultQueueDecider: Decider<'fault-queue'> = {
  kind: 'fault-queue',
  commands: {
    AllocateFaultQueue: true,
    ReportPageFault: true,
    ReadPageFaults: true,
    AnswerPageFaults: true,
    CloseFaultQueue: true,
    FreeFaultQueue: true,
  },
  decide,
  evolve,
};

/** Bytes of struct iommu_hwpt_pgfault, and of struct iommu_hwpt_page_response. */
export const PAGE_FAULT_BYTES = 40;
export const PAGE_RESPONSE_BYTES = 8;
/** IOMMU_PGFAULT_FLAGS_PASID_VALID, IOMMU_PGFAULT_FLAGS_LAST_PAGE. */
const PASID_VALID = 1;
const LAST_PAGE = 2;
/** IOMMUFD_PAGE_RESP_SUCCESS, IOMMUFD_PAGE_RESP_INVALID. */
const CODES: readonly number[] = [0, 1];

type Of<T extends FaultQueueCommand['type']> = Extract<FaultQueueCommand, { type: T }>;

function decide(command: FaultQueueCommand, context: Context): Decision {
  if (command.type === 'AllocateFaultQueue') return allocate(command, context);
  const { faultQueue } = command;
  const state = context.get('fault-queue', faultQueue);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 'fault-queue.absent', `no fault queue ${faultQueue}`);
  }
  switch (command.type) {
    case 'ReportPageFault':
      return report(command, context);
    case 'ReadPageFaults':
      return read(command, state);
    case 'AnswerPageFaults':
      return answer(command, state);
    case 'CloseFaultQueue':
      if (!state.open) return accept();
      return accept(emit('fault-queue', faultQueue, { type: 'FaultQueueClosed', faultQueue }));
    case 'FreeFaultQueue':
      return free(faultQueue, state);
    default:
      return unreachable(command);
  }
}

function allocate({ faultQueue, vm }: Of<'AllocateFaultQueue'>, context: Context): Decision {
  if (context.get('vm', vm) === undefined) return reject('ENOENT', 'vm.absent', `no VM ${vm}`);
  if (context.get('fault-queue', faultQueue) !== undefined) {
    return reject('EEXIST', 'fault-queue.exists', `fault queue ${faultQueue} exists already`);
  }
  return accept(emit('fault-queue', faultQueue, { type: 'FaultQueueAllocated', faultQueue, vm }));
}

/** Nothing is queued for an attachment that is gone meanwhile: the driver has answered then. */
function report(command: Of<'ReportPageFault'>, context: Context): Decision {
  const { type: _, faultQueue, ...fault } = command;
  if (queueOfAttachment(fault, context) !== faultQueue) return accept();
  return accept(emit('fault-queue', faultQueue, { type: 'PageFaultQueued', ...fault }));
}

/** iommufd_fault_fops_read(): whole faults only, each under the lowest free cookie from 1 on. */
function read({ faultQueue, bytes }: Of<'ReadPageFaults'>, state: FaultQueueState): Decision {
  if (bytes % PAGE_FAULT_BYTES !== 0) {
    return reject('ESPIPE', 'fault-queue.size', `${bytes} bytes are no whole faults`);
  }
  const taken = state.unread.slice(0, bytes / PAGE_FAULT_BYTES);
  const cookies: number[] = [];
  let cookie = 0;
  const faults = taken.map((fault) => {
    do cookie += 1;
    while (state.waiting.has(cookie));
    cookies.push(cookie);
    return { ...recordOf(fault), cookie };
  });
  const said = { bytes: faults.length * PAGE_FAULT_BYTES, faults };
  if (faults.length === 0) return { ok: true, events: [], answer: said };
  const event = { type: 'PageFaultsRead', cookies } as const;
  return { ok: true, events: [emit('fault-queue', faultQueue, event)], answer: said };
}

/** iommufd_compose_fault_message(), the device by its name. */
function recordOf({ device, pasid, group, permissions, address }: PageFault) {
  const flags = LAST_PAGE | (pasid === undefined ? 0 : PASID_VALID);
  return { flags, device, pasid: pasid ?? 0, grpid: group, perm: permissions, addr: address };
}

/** iommufd_fault_fops_write(): one response after the other, up to the first that is wrong. */
function answer(command: Of<'AnswerPageFaults'>, state: FaultQueueState): Decision {
  const { faultQueue, responses } = command;
  const waiting = new Map(state.waiting);
  const answers: PageAnswer[] = [];
  for (const { cookie, code } of responses) {
    const fault = waiting.get(cookie);
    if (!CODES.includes(code) || fault === undefined) break;
    waiting.delete(cookie);
    const { device, group } = fault;
    answers.push({ cookie, device, group, retry: code === 0 });
  }
  const said = { bytes: answers.length * PAGE_RESPONSE_BYTES };
  if (answers.length > 0) {
    const event = { type: 'PageFaultsAnswered', answers } as const;
    return { ok: true, events: [emit('fault-queue', faultQueue, event)], answer: said };
  }
  if (responses.length === 0) return { ok: true, events: [], answer: said };
  return reject('EINVAL', 'fault-queue.response', 'no such cookie is waited for, or no such code');
}

function free(faultQueue: string, { open, users }: FaultQueueState): Decision {
  if (open) return reject('EBUSY', 'fault-queue.open', `${faultQueue} is open`);
  const [user] = users;
  if (user !== undefined) return reject('EBUSY', 'fault-queue.used', `${user} uses ${faultQueue}`);
  return accept(emit('fault-queue', faultQueue, { type: 'FaultQueueFreed', faultQueue }));
}
