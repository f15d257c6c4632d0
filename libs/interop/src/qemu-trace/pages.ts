import { REGISTERS } from '@steward/smmu';
import type { PageRange, RecordingStep } from '@steward/guest';

const PAGE = 4096;

/**
 * Start of RAM on QEMU's `virt` machine. What a device reaches below it is a device itself: the MSI doorbell of the
 * interrupt controller (GITS_TRANSLATER at 0x8090040).
 */
const VIRT_RAM_BASE = 0x4000_0000;

/** The pages a recording touches. */
export interface TouchedPages {
  readonly memory: readonly PageRange[];
  readonly doorbells: readonly PageRange[];
}

/** A run of bytes, of any alignment. */
export interface Extent {
  readonly base: number;
  readonly size: number;
}

/** Pages of every extent, table word, queue and DMA target, split at the start of RAM. */
export function touchedPages(
  steps: readonly RecordingStep[],
  extents: readonly Extent[],
): TouchedPages {
  const touched = [...extents];
  for (const step of steps) {
    if (step.kind === 'write') touched.push({ base: step.ipa, size: 8 });
    if (step.kind === 'dma' && step.expect.kind === 'ok') {
      touched.push({ base: step.expect.ipa, size: 1 });
    }
    if (step.kind === 'register') {
      const queue = queueExtent(step.name, step.value);
      if (queue !== undefined) touched.push(queue);
    }
  }
  const inRam = ({ base }: Extent) => base >= VIRT_RAM_BASE;
  return {
    memory: pageRuns(touched.filter(inRam)),
    doorbells: pageRuns(touched.filter((extent) => !inRam(extent))),
  };
}

/** Bytes of one queue entry (IHI 0070 §3.5). */
const QUEUE_ENTRY_BYTES: Readonly<Record<string, number>> = { CMDQ_BASE: 16, EVENTQ_BASE: 32 };

function queueExtent(name: string, value: bigint): Extent | undefined {
  const entry = QUEUE_ENTRY_BYTES[name];
  if (entry === undefined) return undefined;
  const layout = REGISTERS.CMDQ_BASE.layout;
  const size = entry * 2 ** Number(layout.get([value], 'LOG2SIZE'));
  // The base is aligned to the queue's size: lower address bits are treated as zero (IHI 0070 §6.3.26).
  const address = Number(layout.get([value], 'ADDR'));
  return { base: Math.floor(address / size) * size, size };
}

/** The extents widened to whole pages and joined where they touch. */
export function pageRuns(extents: readonly Extent[]): PageRange[] {
  const runs: { base: number; size: number }[] = [];
  for (const { base, size } of [...extents].sort((a, b) => a.base - b.base)) {
    const first = Math.floor(base / PAGE) * PAGE;
    const end = Math.ceil((base + size) / PAGE) * PAGE;
    const last = runs.at(-1);
    if (last === undefined || first > last.base + last.size) {
      runs.push({ base: first, size: end - first });
    } else if (end > last.base + last.size) {
      last.size = end - last.base;
    }
  }
  return runs;
}
