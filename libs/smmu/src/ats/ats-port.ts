import type { AddressTranslationCache, AtcSpan } from './address-translation-cache';

/** The SMMU's side of the devices' ATCs: who there is, and what was asked of them. */
export class AtsPort {
  /** Entries that invalidations removed from the devices' caches so far. */
  removed = 0;
  private readonly caches = new Map<number, AddressTranslationCache>();
  private unanswered = false;

  connect(streamId: number, cache: AddressTranslationCache): void {
    this.caches.set(streamId, cache);
  }

  /** Translations that the connected devices hold now. */
  get count(): number {
    let count = 0;
    for (const cache of new Set(this.caches.values())) count += cache.count;
    return count;
  }

  /**
   * Sends an Invalidate Request. A StreamID without ATC answers Unsupported Request, which is no
   * error (IHI 0070 §3.9.1.5); no answer at all fails the next CMD_SYNC.
   */
  invalidate(streamId: number, span: AtcSpan): void {
    const cache = this.caches.get(streamId);
    if (cache === undefined) return;
    if (cache.answers) this.removed += cache.invalidate(span);
    else this.unanswered = true;
  }

  /**
   * Whether an invalidation timed out since the last call. Those are given up: a CMD_SYNC that is
   * repeated after the error does not wait for them again.
   */
  takeTimeout(): boolean {
    const { unanswered } = this;
    this.unanswered = false;
    return unanswered;
  }
}
