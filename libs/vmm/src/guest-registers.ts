import type { GuestRegister } from '@steward/domain';
import { CR0 } from './registers';
import { Restaging } from './restage';
import type { Reaction } from './restage';
import type { VsmmuView } from './view';

/**
 * What the VMM does when its guest writes a register: switching translation on or off, or the global
 * bypass attribute while it is off, re-stages every stream (IHI 0070 §3.11, §6.3.14). `before` is CR0 as
 * it was; `view` shows the registers after the write.
 */
export function* reactToRegisterWrite(
  view: VsmmuView,
  written: { readonly register: GuestRegister; readonly before: bigint },
  name: (n: number) => string,
): Reaction {
  const { register, before } = written;
  const toggled = register === 'CR0' && ((before ^ view.register('CR0')) & CR0.SMMUEN) !== 0n;
  const bypassing = register === 'GBPA' && (view.register('CR0') & CR0.SMMUEN) === 0n;
  if (!toggled && !bypassing) return;
  const restaging = new Restaging(view, name);
  for (const vsid of [...view.vdevices.keys()].sort((a, b) => a - b)) {
    yield* restaging.restage(vsid);
  }
}
