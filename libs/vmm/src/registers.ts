/** Bits of the guest's CR0 (IHI 0070 §6.3.9). */
export const CR0 = { SMMUEN: 1n, EVENTQEN: 1n << 2n } as const;

/** GBPA.ABORT (IHI 0070 §6.3.14). */
export const GBPA_ABORT = 1n << 20n;
