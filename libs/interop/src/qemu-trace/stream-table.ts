import { L1STD, REGISTERS } from '@steward/smmu';
import type { Moment, StreamTableMoment } from './moments';

/** Where the STE of one StreamID lies at one moment, and what leads there. */
export interface StePlace {
  readonly ste: number;
  /** The level-1 descriptor, with the word it must hold; absent for a linear table. */
  readonly l1?: { readonly ipa: number; readonly word: bigint };
}

const STE_BYTES = 64;
const L1STD_BYTES = 8;

/**
 * The guest's stream table over time, from its registers and the stream table walks in the trace (IHI 0070 §3.3.1).
 * A level-2 table is known from any walk that went through its level-1 descriptor, earlier or later: Linux allocates
 * it once and keeps it.
 */
export class StreamTable {
  private readonly bases: { at: number; base: number }[] = [];
  private readonly configs: { at: number; twoLevel: boolean; split: number; log2Size: number }[] =
    [];
  /** Walks by the address of the level-1 descriptor, in order. */
  private readonly walks = new Map<number, { at: number; moment: StreamTableMoment }[]>();

  constructor(moments: readonly Moment[]) {
    for (const [at, moment] of moments.entries()) {
      if (moment.kind === 'register') this.addRegister(at, moment.name, moment.value);
      if (moment.kind === 'stream-table') {
        const known = this.walks.get(moment.l1) ?? [];
        this.walks.set(moment.l1, [...known, { at, moment }]);
      }
    }
  }

  /** Where the STE of `vsid` lies at moment `at`; undefined when no register or walk of the recording tells. */
  place(vsid: number, at: number): StePlace | undefined {
    const base = latest(this.bases, at)?.base;
    const config = latest(this.configs, at);
    if (base === undefined || config === undefined || vsid >= 2 ** config.log2Size) {
      return undefined;
    }
    if (!config.twoLevel) return { ste: base + vsid * STE_BYTES };
    const l1 = base + (vsid >>> config.split) * L1STD_BYTES;
    const walks = this.walks.get(l1) ?? [];
    const walk = (walks.find((w) => w.at >= at) ?? walks.at(-1))?.moment;
    if (walk === undefined) return undefined;
    const index = vsid & (2 ** config.split - 1);
    return { ste: walk.l2 + index * STE_BYTES, l1: { ipa: l1, word: l1Descriptor(walk) } };
  }

  /** The tables' extents at moment `at`: the level-1 (or linear) table, and each level-2 table ever walked. */
  extents(): { base: number; size: number }[] {
    const found: { base: number; size: number }[] = [];
    const config = this.configs.at(-1);
    for (const { base } of this.bases) {
      if (config === undefined) continue;
      const size = config.twoLevel
        ? 2 ** Math.max(config.log2Size - config.split, 0) * L1STD_BYTES
        : 2 ** config.log2Size * STE_BYTES;
      found.push({ base, size });
    }
    for (const walks of this.walks.values()) {
      for (const { moment } of walks) {
        // Span covers 2^(Span - 1) STEs (IHI 0070 §5.1).
        found.push({ base: moment.l2, size: 2 ** (Number(moment.span) - 1) * STE_BYTES });
      }
    }
    return found;
  }

  private addRegister(at: number, name: string, value: bigint): void {
    if (name === 'STRTAB_BASE') {
      const base = Number(REGISTERS.STRTAB_BASE.layout.get([value], 'ADDR'));
      this.bases.push({ at, base });
    }
    if (name === 'STRTAB_BASE_CFG') {
      const field = (f: string) => Number(REGISTERS.STRTAB_BASE_CFG.layout.get([value], f));
      this.configs.push({
        at,
        twoLevel: field('FMT') === 1,
        split: field('SPLIT'),
        log2Size: field('LOG2SIZE'),
      });
    }
  }
}

function l1Descriptor(walk: StreamTableMoment): bigint {
  const [word = 0n] = L1STD.encode({ L2Ptr: BigInt(walk.l2), Span: walk.span });
  return word;
}

function latest<T extends { readonly at: number }>(list: readonly T[], at: number): T | undefined {
  return list.findLast((entry) => entry.at <= at);
}
