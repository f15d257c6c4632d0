import type { ConfigurationFault } from '../events/faults';
import type { CdTablePointer } from './stream-configuration';

const BAD_SUBSTREAMID: ConfigurationFault = { event: 'C_BAD_SUBSTREAMID' };
const STREAM_DISABLED: ConfigurationFault = { event: 'F_STREAM_DISABLED' };

/**
 * Which CD of a stream with stage 1 a transaction uses: its index, undefined where S1DSS skips
 * stage 1, or the fault that terminates it (IHI 0070 §5.2 S1CDMax and S1DSS, §7.3.7, §7.3.9).
 */
export function contextIndex(
  pointer: CdTablePointer,
  substreamId: number | undefined,
): number | undefined | ConfigurationFault {
  const { cdMax, withoutSubstream } = pointer;
  if (substreamId !== undefined) {
    if (cdMax === 0 || substreamId >= 2 ** cdMax) return BAD_SUBSTREAMID;
    // With S1DSS=2, CD 0 belongs to traffic without a SubstreamID.
    return substreamId === 0 && withoutSubstream === 2 ? STREAM_DISABLED : substreamId;
  }
  if (cdMax === 0 || withoutSubstream === 2) return 0;
  return withoutSubstream === 1 ? undefined : STREAM_DISABLED;
}
