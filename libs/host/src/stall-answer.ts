import { EVENTS } from '@steward/smmu';
import { issue, type Issue } from './issue';
import type { Master } from './attachment';
import type { EventRecord } from './event-queue';

/**
 * What the driver answers to the record of a stalled transaction: it shall abort, as nobody handles page faults of the
 * device's domain (Linux `iommu_report_device_fault`, `arm_smmu_page_response`). No CMD_SYNC follows, for which RESUME does not wait.
 *
 * Undefined where the driver did not want the device to stall. A guest whose CD.S makes it do so all the same is then not
 * answered, as in Linux: its transaction waits.
 */
export function stallAnswer({ smmu, streamIds }: Master, record: EventRecord): Issue | undefined {
  const { layout } = EVENTS.F_TRANSLATION;
  const [first] = streamIds;
  if (layout.get(record, 'Stall') === 0n || !smmu.probe.stallForced) return undefined;
  if (first === undefined) return undefined;
  const STAG = layout.get(record, 'STAG');
  return issue(smmu.description.id, 'RESUME', { StreamID: BigInt(first), STAG, Ab: 1n });
}
