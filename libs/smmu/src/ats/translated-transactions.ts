import type { StreamConfiguration } from '../configuration/stream-configuration';
import type { StreamFinder } from '../configuration/stream-finder';
import type { Fault } from '../events/faults';
import type { Control } from '../registers/control';
import type { Features } from '../registers/features';
import { effectiveAts } from './effective-ats';

/** What an ATS Translated transaction is let through as, or why it is aborted. */
export type Admission =
  /** Its address is a PA. */
  | { readonly kind: 'physical' }
  /** Its address is an IPA: split-stage ATS. */
  | { readonly kind: 'intermediate'; readonly stream: StreamConfiguration }
  /** Stage 2 refused the fetch of its CD: as for an ordinary transaction. */
  | {
      readonly kind: 'faulted';
      readonly fault: Fault;
      readonly stream: StreamConfiguration;
    }
  /** `fault`: what is recorded; absent: nothing is. */
  | { readonly kind: 'refused'; readonly fault?: Fault };

const PHYSICAL: Admission = { kind: 'physical' };
const SILENT: Admission = { kind: 'refused' };
const FORBIDDEN: Admission = { kind: 'refused', fault: { event: 'F_TRANSL_FORBIDDEN' } };

/** Errors of configuration: recorded under CR2.REC_CFG_ATS alone. */
const MISCONFIGURED: ReadonlySet<Fault['event']> = new Set([
  'C_BAD_SUBSTREAMID',
  'F_STREAM_DISABLED',
  'F_CD_FETCH',
  'C_BAD_CD',
] as const);

/**
 * Whether a Translated transaction may pass (IHI 0070 §3.9.1.3, in the order of its list of
 * priorities). An SMMU without ATS passes none (§5.2 EATS). With IDR3.PASIDTT=0 its `substreamId` is
 * never there, and no CD is looked at.
 */
export function admitTranslated(
  {
    streamId,
    substreamId,
  }: { readonly streamId: number; readonly substreamId?: number | undefined },
  finder: StreamFinder,
  control: Control,
  features: Features,
): Admission {
  if (!features.ats) return SILENT;
  if (!control.enabled) return FORBIDDEN;
  if (!control.atsCheck) return PHYSICAL;
  const stream = finder.stream(streamId, control);
  const misconfigured = (fault: Fault): Admission =>
    // RECINVSID has no say here (§3.9.1.3).
    control.recordsAtsConfiguration ? { kind: 'refused', fault } : SILENT;
  if ('event' in stream) return misconfigured(stream);
  if (stream.disposition === 'illegal') return misconfigured({ event: 'C_BAD_STE' });
  if (stream.disposition === 'abort') return SILENT;
  const ats = effectiveAts(stream, control);
  if (ats === 'none') return FORBIDDEN;
  const fault = features.pasidOnTranslated ? finder.substreamFault(stream, substreamId) : undefined;
  if (fault !== undefined) {
    return MISCONFIGURED.has(fault.event)
      ? misconfigured(fault)
      : { kind: 'faulted', fault, stream };
  }
  return ats === 'full' ? PHYSICAL : { kind: 'intermediate', stream };
}
