import { toHex } from '@steward/domain';
import type { Command } from '@steward/domain';
import { encodeEvent } from '@steward/smmu';
import { intentOf } from './canonical-vste';
import { readVste } from './guest-stream-table';
import { CR0, GBPA_ABORT } from './registers';
import { proxyDomain } from './view';
import type { VsmmuView } from './view';

/** Answer to a command the VMM issued. */
export interface Answer {
  readonly ok: boolean;
}

/** A VMM's reaction: it yields commands one by one and is told how each was decided. */
export type Reaction = Generator<Command, void, Answer>;

/** Makes devices follow their guest's stream table; knows what it attached so far. */
export class Restaging {
  private readonly attached: Map<string, string>;
  private named = 0;

  /** `name` gives the nth nested domain of this reaction its id. */
  constructor(
    private readonly view: VsmmuView,
    private readonly name: (n: number) => string,
  ) {
    this.attached = new Map(view.attached);
  }

  /** Allocate, attach (an atomic replace), free the old: the device is never without translation. */
  *restage(vsid: number): Reaction {
    const { vsmmu, vdevices } = this.view;
    const device = vdevices.get(vsid);
    if (device === undefined) return;
    const intent = this.intent(vsid);
    if (intent.kind !== 'offer') {
      yield* this.attach(device, proxyDomain(vsmmu, intent.kind));
      return;
    }
    const domain = this.name(this.named++);
    const vste = [toHex(intent.vste[0]), toHex(intent.vste[1])] as const;
    const answer = yield { type: 'AllocateNestedDomain', domain, vsmmu, device, vste };
    if (answer.ok) yield* this.attach(device, domain);
    else yield* this.refuse(vsid, device);
  }

  private intent(vsid: number): ReturnType<typeof intentOf> {
    const { view } = this;
    if ((view.register('CR0') & CR0.SMMUEN) === 0n) {
      // SMMUEN=0: GBPA decides for every stream (IHI 0070 §3.11, §6.3.14).
      return { kind: (view.register('GBPA') & GBPA_ABORT) === 0n ? 'bypass' : 'abort' };
    }
    const words = readVste(view, vsid);
    return words === undefined ? { kind: 'abort' } : intentOf(words);
  }

  private *attach(device: string, domain: string): Reaction {
    const previous = this.attached.get(device);
    if (domain === previous) return;
    yield { type: 'AttachDevice', device, target: { kind: 'nested-domain', id: domain } };
    this.attached.set(device, domain);
    const { vsmmu } = this.view;
    const proxies = [proxyDomain(vsmmu, 'abort'), proxyDomain(vsmmu, 'bypass')];
    if (previous === undefined || proxies.includes(previous)) return;
    yield { type: 'FreeNestedDomain', domain: previous };
  }

  /** A refused vSTE: the device aborts and the guest is told that its STE is bad (IHI 0070 §7.3.5). */
  private *refuse(vsid: number, device: string): Reaction {
    const { vsmmu } = this.view;
    yield* this.attach(device, proxyDomain(vsmmu, 'abort'));
    if ((this.view.register('CR0') & CR0.EVENTQEN) === 0n) return; // Dropped, as hardware would.
    const record = BigUint64Array.from(encodeEvent('C_BAD_STE', { StreamID: BigInt(vsid) }));
    yield { type: 'RecordGuestEvent', vsmmu, words: record };
  }
}
