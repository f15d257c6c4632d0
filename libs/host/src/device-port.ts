import { AtsDevice, type Outcome, type Smmu, type Transaction } from '@steward/smmu';
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
  transaction: Omit<Transaction, 'streamId'>,
): Outcome {
  const port = atsEnabled ? atcs.get(streamId) : undefined;
  if (port === undefined) return smmu.hardware.access({ ...transaction, streamId });
  const outcome = port.access(transaction);
  return outcome.kind === 'denied' ? { kind: 'abort' } : outcome;
}
