import type { Reading, Request } from './transaction';

/**
 * CMD_STALL_TERM (IHI 0070 §4.7.2): every stalled transaction of the stream is terminated with an abort, and nothing
 * is recorded; the others wait on. It is free while the STE still lets traffic pass: terminated too.
 */
export function terminateStream(
  stalled: readonly Request[],
  streamId: number,
): { readonly ended: readonly Reading[]; readonly left: readonly Request[] } {
  return {
    ended: stalled.filter((t) => t.streamId === streamId).map(() => ({ kind: 'abort' })),
    left: stalled.filter((t) => t.streamId !== streamId),
  };
}
