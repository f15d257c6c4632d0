import type { MemoryAttributes } from './attributes/memory-attributes';

/** One access by a client device, as it arrives at the SMMU (IHI 0070 §13.1). */
export interface Transaction {
  readonly streamId: number;
  /** Present: the transaction carries a SubstreamID (SSV=1). */
  readonly substreamId?: number | undefined;
  /** The 64-bit input address, unsigned. */
  readonly address: bigint;
  readonly write: boolean;
  /** PnU. Absent: unprivileged, the default of §13.1.3. */
  readonly privileged?: boolean | undefined;
  /** InD. Absent: data. Ignored for writes, which are always Data (§13.1.2). */
  readonly instruction?: boolean | undefined;
  /**
   * An ATS Translated transaction: `address` is what a translation request returned (IHI 0070
   * §3.9). Its SubstreamID and attributes are seen where IDR3.PASIDTT is 1 and it has a SubstreamID.
   */
  readonly translated?: boolean;
}

/** What became of a transaction. */
export type Outcome =
  /**
   * It reached memory at `pa`. `readable` and `writable`: what the translation permits for this
   * privilege and kind of access, all stages together; both true where nothing is translated.
   */
  | {
      readonly kind: 'ok';
      readonly pa: number;
      readonly readable: boolean;
      readonly writable: boolean;
      readonly attributes: MemoryAttributes;
    }
  /**
   * Terminated with an abort. `event`: the four words recorded, also when they could not be queued;
   * absent: silent.
   */
  | { readonly kind: 'abort'; readonly event?: readonly bigint[] }
  /**
   * Terminated by a stage-1 fault under CD.A=0, or by CMD_RESUME: reads give zero, writes are
   * dropped (IHI 0070 §5.5, §4.7.1).
   */
  | { readonly kind: 'raz-wi'; readonly event?: readonly bigint[] }
  /**
   * It waits for CMD_RESUME or CMD_STALL_TERM, which name it by its StreamID and STAG. `event`: its
   * record; where the event queue could not take it, the transaction is retried as soon as it can
   * (IHI 0070 §3.12.2).
   */
  | { readonly kind: 'stalled'; readonly stag: number; readonly event: readonly bigint[] }
  /** Translated (or bypassed) to `pa`, where nothing answers. */
  | { readonly kind: 'no-memory'; readonly pa: number };
