import type { StreamConfiguration } from '../configuration/stream-configuration';
import type { Control } from '../registers/control';

/**
 * The effective STE.EATS (IHI 0070 §5.2): `full` translates at all stages, `split` at stage 1, to
 * be translated at stage 2 when it is used.
 */
export type EffectiveAts = 'none' | 'full' | 'split';

/** Split-stage ATS needs CR0.ATSCHK=1: without the check, IPAs would go out as PAs (§3.9.2). */
export function effectiveAts(stream: StreamConfiguration, control: Control): EffectiveAts {
  return stream.ats === 'split' && !control.atsCheck ? 'none' : stream.ats;
}
