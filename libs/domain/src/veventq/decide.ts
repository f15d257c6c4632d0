import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, streamOf, unreachable } from '../decision';
import type { Decision } from '../decision';
import { toHex } from '../hex';
import type { VeventqCommand } from './commands';
import { evolve } from './state';
import type { VeventItem, VeventqState } from './state';

export const veventqDecider: Decider<'veventq'> = {
  kind: 'veventq',
  commands: {
    AllocateVeventq: true,
    ReportVevent: true,
    ReadVevents: true,
    CloseVeventq: true,
    FreeVeventq: true,
  },
  decide,
  evolve,
};

/** struct iommufd_vevent_header, and struct iommu_vevent_arm_smmuv3 behind it. */
const HEADER_BYTES = 8;
const RECORD_BYTES = 32;
const RECORD_WORDS = 4;
/** IOMMU_VEVENTQ_FLAG_LOST_EVENTS. */
const LOST_EVENTS = 1;
const DEPTH_MAX = 2 ** 31 - 1;

function decide(command: VeventqCommand, context: Context): Decision {
  if (command.type === 'AllocateVeventq') return allocate(command, context);
  const { veventq } = command;
  const state = context.get('veventq', veventq);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 'veventq.absent', `no vEVENTQ ${veventq}`);
  }
  switch (command.type) {
    case 'ReportVevent':
      return report(command, state);
    case 'ReadVevents':
      return read(command, state);
    case 'CloseVeventq':
      if (!state.open) return accept();
      return accept(emit('veventq', veventq, { type: 'VeventqClosed', veventq }));
    case 'FreeVeventq':
      if (state.open) return reject('EBUSY', 'veventq.open', `${veventq} is open`);
      return accept(
        emit('veventq', veventq, { type: 'VeventqFreed', veventq }),
        emit('vsmmu', state.vsmmu, { type: 'VsmmuLeft', user: streamOf('veventq', veventq) }),
      );
    default:
      return unreachable(command);
  }
}

function allocate(
  command: Extract<VeventqCommand, { type: 'AllocateVeventq' }>,
  context: Context,
): Decision {
  const { veventq, vsmmu, queueType, depth } = command;
  if (context.get('veventq', veventq) !== undefined) {
    return reject('EEXIST', 'veventq.exists', `vEVENTQ ${veventq} exists already`);
  }
  if (queueType === 0) {
    return reject('EOPNOTSUPP', 'veventq.type', 'IOMMU_VEVENTQ_TYPE_DEFAULT names no events');
  }
  if (!Number.isInteger(depth) || depth < 1 || depth > DEPTH_MAX) {
    return reject('EINVAL', 'veventq.depth', `${depth} is no depth from 1 to ${DEPTH_MAX}`);
  }
  const viommu = context.get('vsmmu', vsmmu);
  if (viommu === undefined || viommu.freed) {
    return reject('ENOENT', 'vsmmu.absent', `no vSMMU ${vsmmu}`);
  }
  if ([...viommu.users.values()].includes(queueType)) {
    return reject('EEXIST', 'veventq.type', `${vsmmu} has a vEVENTQ of type ${queueType}`);
  }
  const user = streamOf('veventq', veventq);
  return accept(
    emit('veventq', veventq, { type: 'VeventqAllocated', veventq, vsmmu, queueType, depth }),
    emit('vsmmu', vsmmu, { type: 'VsmmuJoined', user, queueType }),
  );
}

function report(
  { veventq, words }: Extract<VeventqCommand, { type: 'ReportVevent' }>,
  state: VeventqState,
): Decision {
  if (words.length !== RECORD_WORDS) {
    return reject('EINVAL', 'veventq.record', 'an event record is four words');
  }
  const sequence = state.next;
  const pending = state.items.filter((item) => item.words !== undefined).length;
  return accept(
    pending === state.depth
      ? emit('veventq', veventq, { type: 'VeventLost', sequence })
      : emit('veventq', veventq, { type: 'VeventQueued', sequence, words }),
  );
}

function read(
  { veventq, bytes }: Extract<VeventqCommand, { type: 'ReadVevents' }>,
  { items }: VeventqState,
): Decision {
  const taken: VeventItem[] = [];
  let left = bytes;
  for (const item of items) {
    const size = HEADER_BYTES + (item.words === undefined ? 0 : RECORD_BYTES);
    if (size > left) break;
    taken.push(item);
    left -= size;
  }
  if (items.length > 0 && taken.length === 0) {
    return reject('EINVAL', 'veventq.short', `${bytes} bytes do not hold the next item`);
  }
  const answer = { bytes: bytes - left, records: taken.map(record) };
  if (taken.length === 0) return { ok: true, events: [], answer: { ...answer, bytes: 0 } };
  const event = { type: 'VeventsRead', count: taken.length } as const;
  return { ok: true, events: [emit('veventq', veventq, event)], answer };
}

function record({ sequence, words }: VeventItem) {
  if (words === undefined) return { flags: LOST_EVENTS, sequence };
  return { flags: 0, sequence, words: words.map(toHex) };
}
