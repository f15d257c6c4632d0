import { fromHex, PAGE_RESPONSE_BYTES, type Hex, type PageResponse } from '@steward/domain';
import type { Conversation } from './conversation';
import type { Session } from './session';

/** struct iommu_hwpt_pgfault; `length` is always 0. */
export interface HwptPgfault {
  readonly flags: number;
  readonly dev_id: number;
  readonly pasid: number;
  readonly grpid: number;
  readonly perm: number;
  readonly addr: bigint;
  readonly length: 0;
  readonly cookie: number;
}

interface ReadOut {
  /** -1 on an error. */
  readonly bytes: number;
  readonly faults: readonly HwptPgfault[];
}

interface Answered extends Omit<HwptPgfault, 'dev_id' | 'addr' | 'length'> {
  readonly device: string;
  readonly addr: Hex;
}

/** read() of a fault queue's file descriptor (iommufd_fault_fops_read): never blocks; whole faults, ESPIPE for any other count. */
export function* readFaultQueue(
  session: Session,
  id: number,
  bytes: number,
): Conversation<ReadOut> {
  const queue = session.objects.of('fault-queue', id);
  if (queue === undefined) return { errno: 'ENOENT', out: { bytes: -1, faults: [] } };
  const { errno, answer } = yield { type: 'ReadPageFaults', faultQueue: queue.name, bytes };
  if (errno !== undefined) return { errno, out: { bytes: -1, faults: [] } };
  const faults = (answer?.['faults'] ?? []) as unknown as readonly Answered[];
  return {
    out: {
      bytes: Number(answer?.['bytes'] ?? 0),
      faults: faults.map(({ device, addr, ...fault }) => {
        const { objects } = session;
        const dev_id = objects.find((object) => object.kind === 'device' && object.name === device);
        return { ...fault, dev_id: dev_id ?? 0, addr: fromHex(addr), length: 0 };
      }),
    },
  };
}

/**
 * write() to a fault queue's file descriptor (iommufd_fault_fops_write). @param bytes of the write, if other than those of the
 * responses. @returns bytes that were taken; -1 on an error.
 */
export function* writeFaultQueue(
  session: Session,
  id: number,
  responses: readonly PageResponse[],
  bytes = responses.length * PAGE_RESPONSE_BYTES,
): Conversation<{ bytes: number }> {
  const queue = session.objects.of('fault-queue', id);
  if (queue === undefined) return { errno: 'ENOENT', out: { bytes: -1 } };
  if (bytes % PAGE_RESPONSE_BYTES !== 0) return { errno: 'ESPIPE', out: { bytes: -1 } };
  const command = { type: 'AnswerPageFaults', faultQueue: queue.name, responses } as const;
  const { errno, answer } = yield command;
  if (errno !== undefined) return { errno, out: { bytes: -1 } };
  return { out: { bytes: Number(answer?.['bytes'] ?? 0) } };
}

/** Whether poll() says that there is something to read; it can always be written. */
export function pollFaultQueue(session: Session, id: number): boolean {
  const queue = session.objects.of('fault-queue', id);
  const state = queue && session.context.get('fault-queue', queue.name);
  return state !== undefined && state.unread.length > 0;
}
