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
  /** `fault`: what is recorded; absent: nothing is. */
  | { readonly kind: 'refused'; readonly fault?: Fault };

const PHYSICAL: Admission = { kind: 'physical' };
const SILENT: Admission = { kind: 'refused' };
const FORBIDDEN: Admission = { kind: 'refused', fault: { event: 'F_TRANSL_FORBIDDEN' } };

/**
 * Whether a Translated transaction may pass (IHI 0070 §3.9.1.3). The SMMU knows no PASID of such a
 * transaction (IDR3.PASIDTT=0), so no CD is looked at. An SMMU without ATS passes none (§5.2 EATS).
 */
export function admitTranslated(
  streamId: number,
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
  switch (effectiveAts(stream, control)) {
    case 'none':
      return FORBIDDEN;
    case 'full':
      return PHYSICAL;
    case 'split':
      return { kind: 'intermediate', stream };
  }
}
