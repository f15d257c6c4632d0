import type { Outcome, Transaction } from '../transaction';
import { AddressTranslationCache, type AtcEntry } from './address-translation-cache';
import type { TranslationCompletion, TranslationRequest } from './translation-request';

/** What a device with an ATC needs of its SMMU. */
export interface AtsServices {
  access(t: Transaction): Outcome;
  translationRequest(request: TranslationRequest): TranslationCompletion;
  connectAtc(streamId: number, atc: AddressTranslationCache): void;
}

/** A device's own access: a transaction whose StreamID is the device's. */
export type DeviceAccess = Omit<Transaction, 'streamId' | 'translated'>;

/** What became of it; `denied`: the completion did not permit it, and nothing was sent. */
export type DeviceOutcome =
  Outcome | { readonly kind: 'denied'; readonly completion: TranslationCompletion };

/**
 * A device that translates before it accesses: its ATC first, then the SMMU's answer to a
 * Translation Request, and the access itself as Translated. It believes what it cached, so an
 * invalidation that was forgotten shows in where its accesses end.
 */
export class AtsDevice {
  readonly atc = new AddressTranslationCache();

  constructor(
    private readonly smmu: AtsServices,
    readonly streamId: number,
  ) {
    smmu.connectAtc(streamId, this.atc);
  }

  /** One access by way of the ATC. */
  access(access: DeviceAccess): DeviceOutcome {
    const cached = this.atc.use(access, access.address);
    if (cached !== undefined && permits(cached, access)) return this.send(access, cached);
    const completion = this.translate(access);
    if (completion.kind !== 'success') return { kind: 'denied', completion };
    const filled = this.atc.lookup(access, access.address);
    if (filled === undefined || !permits(completion, access)) return { kind: 'denied', completion };
    return this.send(access, filled);
  }

  /** Asks for a translation and caches what is granted. */
  translate(access: DeviceAccess): TranslationCompletion {
    const { write, ...request } = access;
    const { streamId } = this;
    const completion = this.smmu.translationRequest({ ...request, streamId, noWrite: !write });
    if (completion.kind === 'success') this.atc.fill(access, access.address, completion);
    return completion;
  }

  private send(access: DeviceAccess, entry: AtcEntry): Outcome {
    const offset = BigInt.asUintN(entry.sizeLog2, access.address);
    const address = BigInt(entry.output) + offset;
    const { streamId } = this;
    const outcome = this.smmu.access({ ...access, streamId, address, translated: true });
    if (outcome.kind !== 'ok') return outcome;
    // The SMMU lets a Translated transaction pass; what it may do is what the completion granted.
    const { readable, writable } = entry;
    return { ...outcome, readable, writable };
  }
}

function permits(
  rights: { readonly readable: boolean; readonly writable: boolean; readonly executable: boolean },
  access: DeviceAccess,
): boolean {
  if (access.write) return rights.writable;
  return access.instruction === true ? rights.executable : rights.readable;
}
