import { AtsDevice, type DeviceAccess, type Outcome, type Smmu } from '@steward/smmu';
import type { Master } from './attachment';

/** An ATC for each StreamID of a device, known to the SMMU. */
export function atcsOf(
  hardware: Smmu,
  streamIds: readonly number[],
): ReadonlyMap<number, AtsDevice> {
  return new Map(streamIds.map((streamId) => [streamId, new AtsDevice(hardware, streamId)]));
}

/**
 * One access of a device: by way of its ATC while its ATS is on, otherwise untranslated. What a
 * Translation Completion does not permit is not sent, and so ends in an abort without an event.
 */
export function deviceAccess(
  { smmu, atcs, atsEnabled }: Master,
  streamId: number,
  transaction: DeviceAccess,
): Outcome {
  const port = atsEnabled ? atcs.get(streamId) : undefined;
  if (port === undefined) {
    // Field by field, so that all transactions have one shape: this is where most of a replay's time goes by.
    const { substreamId, address, write, privileged, instruction } = transaction;
    const t = { streamId, substreamId, address, write, privileged, instruction };
    return smmu.hardware.access(t);
  }
  const outcome = port.access(transaction);
  return outcome.kind === 'denied' ? { kind: 'abort' } : outcome;
}
