/** An ATS Translation Request, as a device sends it (IHI 0070 §3.9.1, §13.7). */
export interface TranslationRequest {
  readonly streamId: number;
  /** The PASID. Absent: the request has none, and then neither Priv nor Exe. */
  readonly substreamId?: number | undefined;
  /** The untranslated 64-bit address, unsigned. */
  readonly address: bigint;
  /** NW: the device does not mean to write. */
  readonly noWrite: boolean;
  /** Priv. Absent: unprivileged. */
  readonly privileged?: boolean | undefined;
  /** Exe: execute permission is asked for. */
  readonly instruction?: boolean | undefined;
}

/** Success: a region of 2^sizeLog2 bytes that the device may use by its translated address. */
export interface TranslationGranted {
  readonly kind: 'success';
  /** Translation of the requested address: a PA, or an IPA with split-stage ATS. */
  readonly address: number;
  /** Size of the naturally aligned region around the address, over which all of this holds. */
  readonly sizeLog2: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  /** Priv of the request, whatever STE.PRIVCFG made of it (§13.7.1). */
  readonly privileged: boolean;
  /** Always false: an SMMU has no context whose global pages every PASID shares (§3.9.1). */
  readonly global: boolean;
  /** U. Always false: no translation is withheld in favour of untranslated accesses (§13.6.4). */
  readonly untranslatedOnly: boolean;
}

/** The SMMU's answer to a Translation Request (IHI 0070 §3.9.1.2). */
export type TranslationCompletion =
  | TranslationGranted
  /** Success with R=W=0, of the smallest size: the page is not there, or not for this request. */
  | { readonly kind: 'no-access' }
  /** UR: ATS is not enabled. `event`: F_BAD_ATS_TREQ, unless the stream itself is disabled. */
  | { readonly kind: 'unsupported-request'; readonly event?: readonly bigint[] }
  /** CA: the configuration is broken. `event`: recorded only under CR2.REC_CFG_ATS. */
  | { readonly kind: 'completer-abort'; readonly event?: readonly bigint[] };
