import { EVENTS } from '@steward/smmu';
import type { Master } from './attachment';
import type { EventRecord } from './event-queue';
import type { Issue } from './issue';
import { resume } from './page-faults';

/**
 * What the driver answers to the record of a stalled transaction that nobody handles page faults for: it shall abort (Linux
 * `iommu_report_device_fault`, `iopf_error_response`).
 *
 * Undefined where the driver did not want the device to stall. A guest whose CD.S makes it do so all the same is then not
 * answered, as in Linux: its transaction waits.
 */
export function stallAnswer(master: Master, record: EventRecord): Issue | undefined {
  const { layout } = EVENTS.F_TRANSLATION;
  if (layout.get(record, 'Stall') === 0n || !master.stallEnabled) return undefined;
  return resume(master, Number(layout.get(record, 'STAG')), 'abort');
}
