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

/** Pages of every table word, queue, table extent and DMA target, split at the start of RAM. */
export function touchedPages(
  steps: readonly RecordingStep[],
  extents: readonly { readonly base: number; readonly size: number }[],
): TouchedPages {
  const pages = new Set<number>();
  const add = (base: number, size: number) => {
    for (let p = Math.floor(base / PAGE); p * PAGE < base + size; p++) pages.add(p);
  };
  for (const { base, size } of extents) add(base, size);
  for (const step of steps) {
    if (step.kind === 'write') add(step.ipa, 8);
    if (step.kind === 'dma' && step.expect.kind === 'ok') add(step.expect.ipa, 1);
    if (step.kind === 'register') {
      const queue = queueExtent(step.name, step.value);
      if (queue !== undefined) add(queue.base, queue.size);
    }
  }
  const sorted = [...pages].sort((a, b) => a - b);
  const inRam = (page: number) => page * PAGE >= VIRT_RAM_BASE;
  return {
    memory: runs(sorted.filter(inRam)),
    doorbells: runs(sorted.filter((page) => !inRam(page))),
  };
}

/** Bytes of one queue entry (IHI 0070 §3.5). */
const QUEUE_ENTRY_BYTES: Readonly<Record<string, number>> = { CMDQ_BASE: 16, EVENTQ_BASE: 32 };

function queueExtent(name: string, value: bigint): { base: number; size: number } | undefined {
  const entry = QUEUE_ENTRY_BYTES[name];
  if (entry === undefined) return undefined;
  const layout = REGISTERS.CMDQ_BASE.layout;
  const size = entry * 2 ** Number(layout.get([value], 'LOG2SIZE'));
  // The base is aligned to the queue's size: lower address bits are treated as zero (IHI 0070 §6.3.26).
  const address = Number(layout.get([value], 'ADDR'));
  return { base: Math.floor(address / size) * size, size };
}

function runs(pages: readonly number[]): PageRange[] {
  const ranges: { base: number; size: number }[] = [];
  for (const page of pages) {
    const last = ranges.at(-1);
    if (last !== undefined && last.base + last.size === page * PAGE) last.size += PAGE;
    else ranges.push({ base: page * PAGE, size: PAGE });
  }
  return ranges;
}
