import type { StreamFinder } from '../configuration/stream-finder';
import type { Control } from '../registers/control';
import type { InputAddress } from './input-address';
import { needOf } from './permissions';
import type { Translator } from './translator';

/**
 * A speculative translation: what an SMMU may do of itself at any time, so that a later access finds
 * everything cached (IHI 0070 §3.21.1, §3.21.3). Nothing is recorded, and where there is no
 * translation nothing comes of it.
 */
export function speculate(
  {
    finder,
    translator,
    control,
    input,
  }: {
    readonly finder: StreamFinder;
    readonly translator: Translator;
    readonly control: Control;
    readonly input: InputAddress;
  },
  target: { readonly streamId: number; readonly substreamId?: number; readonly address: bigint },
): void {
  if (!control.enabled) return;
  const stream = finder.stream(target.streamId, control);
  if ('event' in stream) return;
  if (stream.disposition === 'illegal' || stream.disposition === 'abort') return;
  const context = finder.context(stream, target.substreamId);
  input.set(target.address);
  const need = needOf(stream.privileged ?? false, false, stream.instruction ?? false);
  if (context === undefined) {
    if (stream.stage2 !== undefined) translator.throughStage2(stream.stage2, input, need);
  } else if (!('event' in context)) translator.throughStage1(context, input, need, stream.stage2);
}
