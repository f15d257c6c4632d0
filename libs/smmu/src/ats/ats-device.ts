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
    const cached = this.atc.lookup(access, access.address);
    if (cached !== undefined && permits(cached, access)) return this.send(access, cached);
    const { write, ...request } = access;
    const completion = this.smmu.translationRequest({
      ...request,
      streamId: this.streamId,
      noWrite: !write,
    });
    if (completion.kind !== 'success') return { kind: 'denied', completion };
    this.atc.fill(access, access.address, completion);
    const filled = this.atc.lookup(access, access.address);
    if (filled === undefined || !permits(completion, access)) return { kind: 'denied', completion };
    return this.send(access, filled);
  }

  private send(access: DeviceAccess, entry: AtcEntry): Outcome {
    const offset = BigInt.asUintN(entry.sizeLog2, access.address);
    const address = BigInt(entry.output) + offset;
    return this.smmu.access({ ...access, streamId: this.streamId, address, translated: true });
  }
}

function permits(
  rights: { readonly readable: boolean; readonly writable: boolean; readonly executable: boolean },
  access: DeviceAccess,
): boolean {
  if (access.write) return rights.writable;
  return access.instruction === true ? rights.executable : rights.readable;
}
