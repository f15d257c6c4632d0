import { CR0 } from './registers';
import type { Reaction } from './restage';
import type { VsmmuView } from './view';

/** A record read from the vEVENTQ goes into the guest's event queue, if the guest has enabled it. */
export function* reactToFault(view: VsmmuView, record: BigUint64Array): Reaction {
  if ((view.register('CR0') & CR0.EVENTQEN) === 0n) return;
  yield { type: 'RecordGuestEvent', vsmmu: view.vsmmu, words: record };
}
