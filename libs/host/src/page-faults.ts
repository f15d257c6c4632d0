import { EVENTS } from '@steward/smmu';
import type { Master } from './attachment';
import type { EventRecord } from './event-queue';
import { issue, type Issue } from './issue';
import type { PageFault } from './observer';

const PERMISSIONS = { read: 1, write: 2, execute: 4, privileged: 8 } as const;

/**
 * The page faults of one device that wait for an answer, and the fault queues of what it is attached to, by the PASID that is
 * attached, 0 for traffic without one (Linux `struct iommu_fault_param`, `struct iommu_attach_handle`).
 */
export class PageFaults {
  private readonly queues = new Map<number, string>();
  /** STAG → the attachment it came by, in the order in which they were reported. */
  private readonly pending = new Map<number, number>();

  /** The queue of an attachment, while it has one. */
  queueOf(attachment: number): string | undefined {
    return this.queues.get(attachment);
  }

  /**
   * The driver has changed what is attached. With the last queue the device leaves the kernel's page fault handling, which
   * answers all that waits (Linux `arm_smmu_disable_iopf`, `iopf_queue_remove_device`).
   * @returns STAGs of the faults that are over.
   */
  change(attachment: number, queue: string | undefined): number[] {
    const had = this.queues.delete(attachment);
    if (queue !== undefined) this.queues.set(attachment, queue);
    if (!had || this.queues.size > 0) return [];
    const over = [...this.pending.keys()];
    this.pending.clear();
    return over;
  }

  /** What waited for an attachment that is gone (Linux `iommufd_auto_response_faults`). @returns STAGs. */
  dropped(attachment: number): number[] {
    const over = [...this.pending].filter(([, of]) => of === attachment).map(([stag]) => stag);
    for (const stag of over) this.pending.delete(stag);
    return over;
  }

  /** A fault is reported and waits. */
  wait(stag: number, attachment: number): void {
    this.pending.set(stag, attachment);
  }

  /** An answer came. @returns false where nothing waits for it any more. */
  answered(stag: number): boolean {
    return this.pending.delete(stag);
  }
}

/**
 * The page fault that the record of a stalled transaction is, if whoever handles them for its domain is there (Linux
 * `arm_smmu_handle_event`, `find_fault_handler`). A PASID that the kernel did not attach is one of the guest's own CD table: its
 * faults go where those of the nested domain go.
 */
export function pageFaultOf(master: Master, record: EventRecord): PageFault | undefined {
  const { layout } = EVENTS.F_TRANSLATION;
  const field = (name: keyof typeof layout.fields): bigint => layout.get(record, name);
  const pasid = field('SSV') === 1n ? Number(field('SubstreamID')) : undefined;
  const own = pasid === undefined || master.pasids.has(pasid);
  if (!own && !master.nested) return undefined;
  const attachment = own ? (pasid ?? 0) : 0;
  const faultQueue = master.faults.queueOf(attachment);
  if (faultQueue === undefined) return undefined;
  const permissions =
    (field('RnW') === 1n ? PERMISSIONS.read : PERMISSIONS.write) |
    (field('InD') === 1n ? PERMISSIONS.execute : 0) |
    (field('PnU') === 1n ? PERMISSIONS.privileged : 0);
  const group = Number(field('STAG'));
  const named = pasid === undefined ? {} : { pasid };
  return { faultQueue, attachment, ...named, group, permissions, address: field('InputAddr') };
}

/**
 * CMD_RESUME for a stalled transaction of the device's first stream (Linux `arm_smmu_page_response`). No CMD_SYNC follows, for
 * which RESUME does not wait.
 */
export function resume(
  { smmu, streamIds: [first = 0] }: Master,
  stag: number,
  how: 'retry' | 'abort',
): Issue {
  const answer = how === 'retry' ? { Ac: 1n } : { Ab: 1n };
  const named = { StreamID: BigInt(first), STAG: BigInt(stag) };
  return issue(smmu.description.id, 'RESUME', { ...named, ...answer });
}

/** Answers what is over for good: each is aborted. */
export function abortFaults(master: Master, stags: readonly number[]): void {
  if (stags.length > 0) master.smmu.issue(stags.map((stag) => resume(master, stag, 'abort')));
}
