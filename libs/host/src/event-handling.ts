import { EVENTS } from '@steward/smmu';
import type { Master } from './attachment';
import type { EventRecord } from './event-queue';
import { guestRecord } from './fault-events';
import type { HostObserver } from './observer';
import { pageFaultOf } from './page-faults';
import { stallAnswer } from './stall-answer';

/**
 * What the driver does about a record of the event queue (Linux `arm_smmu_handle_event`): a stall is a page fault for whoever
 * handles those of its domain, or is answered at once; of the rest some are handed to the device's guest.
 * @param of `master`: the device that has the record's StreamID, if one has.
 */
export function handleEvent(
  of: { readonly smmu: string; readonly record: EventRecord; readonly master: Master | undefined },
  observer: HostObserver,
): void {
  const { smmu, record, master } = of;
  observer.event?.({ smmu, record });
  if (master === undefined) return;
  if (EVENTS.F_TRANSLATION.layout.get(record, 'Stall') === 1n) {
    return handleStall(master, record, observer);
  }
  if (master.guest === undefined) return;
  const forwarded = guestRecord(record, master.guest.vsid);
  if (forwarded === undefined) return;
  observer.guestEvent?.({ device: master.id, ...master.guest, record: forwarded });
}

function handleStall(master: Master, record: EventRecord, observer: HostObserver): void {
  const fault = master.stallEnabled ? pageFaultOf(master, record) : undefined;
  if (fault !== undefined) {
    master.faults.wait(fault.group, fault.attachment);
    observer.pageFault?.({ device: master.id, ...fault, record });
    return;
  }
  const answer = stallAnswer(master, record);
  if (answer !== undefined) master.smmu.issue([answer]);
}
