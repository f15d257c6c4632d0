/** Translation regime of a stream, as far as TLB tags tell them apart (IHI 0070 §3.3.3). */
export const STREAM_WORLD = { NS_EL1: 0, EL2: 1, EL2_E2H: 2 } as const;
export type StreamWorld = (typeof STREAM_WORLD)[keyof typeof STREAM_WORLD];
