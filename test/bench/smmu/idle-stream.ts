import type { Measured, Measurement } from '../measurement';
import { Rig } from './rig';

/** STE and CD; they are words of tables, not the engine's. */
const TABLE_BYTES_A_STREAM = 128;

/** Heap and array buffers in use after a full collection. Needs `--expose-gc`. */
function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc');
  // What an earlier measurement left may take several collections to go.
  for (let n = 0; n < 4; n++) globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/**
 * Streams that are attached (a nested STE, a CD, configuration invalidated) and send nothing. What
 * the SMMU and its memory keep beyond the words of STE and CD.
 */
function idleStream(quick: boolean): Measured {
  const streams = quick ? 10_000 : 100_000;
  const rig = new Rig();
  const [stage1Root, stage2Root] = [rig.page(), rig.page()];
  const before = heapBytes();
  for (let stream = 0; stream < streams; stream++) {
    const cd = rig.page();
    rig.cd(cd, stage1Root, 1);
    rig.ste(stream, {
      Config: 7n,
      S1ContextPtr: BigInt(cd),
      S2VMID: BigInt((stream % 0xffff) + 1),
      ...rig.stage2(stage2Root),
    });
    rig.enqueue('CFGI_STE', { StreamID: BigInt(stream), Leaf: 1n });
    rig.enqueue('SYNC');
    rig.run();
  }
  const bytes = (heapBytes() - before) / streams;
  if (rig.smmu.cachedEntries().configuration !== 0) throw new Error('the streams are not idle');
  return {
    name: 'smmu.idle-stream',
    value: bytes - TABLE_BYTES_A_STREAM,
    unit: 'bytes',
    better: 'lower',
    n: streams,
    note: `beyond the ${TABLE_BYTES_A_STREAM} bytes of STE and CD`,
  };
}

/** `smmu.idle-stream`. */
export const IDLE_STREAM: Measurement = {
  name: 'smmu.idle-stream',
  measure: ({ quick }) => idleStream(quick),
};
