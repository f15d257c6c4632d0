import { S2_READ } from '../cache/tlb-info';
import type { TranslationCache } from '../cache/translation-cache';
import type { Fault } from '../events/faults';
import { L1CD } from '../formats/context-descriptor';
import { fieldNumbers } from '../formats/field-reader';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { Features } from '../registers/features';
import type { Stage1Context } from '../translation/context';
import type { Stage2Walker } from '../translation/stage2';
import { decodeCd } from './context-configuration';
import type { ConfigurationCache } from './configuration-cache';
import { StructureReader } from './structure-reader';
import type { CdTablePointer, StreamConfiguration } from './stream-configuration';

const CD_BYTES = 64;
const L1CD_BYTES = 8;
const readL1cd = fieldNumbers(L1CD, ['V', 'L2Ptr']);

/** A CD, or the fault that its fetch ended in. */
export type ContextResult = Stage1Context | Fault;

/** Whether a result is a fault. */
export function isFault(result: ContextResult): result is Fault {
  return 'event' in result;
}

/** Finds and reads CDs, in a linear or a two-level table, through stage 2 where the stream has one (IHI 0070 §3.3.2). */
export class ContextTable {
  private readonly reader: StructureReader;

  constructor(
    memory: PhysicalMemory,
    private readonly features: Features,
    private readonly stage2: Stage2Walker,
    private readonly caches: {
      readonly configuration: ConfigurationCache;
      readonly translations: TranslationCache;
    },
  ) {
    this.reader = new StructureReader(memory);
  }

  /** The context at an index of the stream's CD table; `index` is below 2^S1CDMax. */
  context(
    streamId: number,
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    index: number,
  ): ContextResult {
    const cache = this.caches.configuration;
    const cached = cache.cd(streamId, index);
    if (cached !== undefined) return cached === 'illegal' ? { event: 'C_BAD_CD' } : cached;
    const address = this.locate(streamId, stream, pointer, index);
    if (typeof address !== 'number') return address;
    const failed = this.fetch(stream, address, CD_BYTES);
    if (failed !== undefined) return failed;
    const context = decodeCd(this.reader.parts, stream, this.features, this.caches.translations);
    cache.keepCd(streamId, index, context);
    return context === 'illegal' ? { event: 'C_BAD_CD' } : context;
  }

  /** Address of a CD: an IPA where stage 2 translates, otherwise a PA. */
  private locate(
    streamId: number,
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    index: number,
  ): number | Fault {
    const { base, leafBits, cdMax } = pointer;
    if (leafBits === undefined) return alignedTo(base, CD_BYTES * 2 ** cdMax) + index * CD_BYTES;
    const l1Index = Math.floor(index / 2 ** leafBits);
    const l2Ptr = this.l1cd(streamId, stream, pointer, l1Index);
    if (typeof l2Ptr !== 'number') return l2Ptr ?? { event: 'C_BAD_SUBSTREAMID' };
    const limit = 2 ** (stream.stage2 === undefined ? this.features.oas : this.features.ias);
    if (l2Ptr >= limit) return { event: 'C_BAD_SUBSTREAMID' };
    return alignedTo(l2Ptr, CD_BYTES * 2 ** leafBits) + (index % 2 ** leafBits) * CD_BYTES;
  }

  /** The L2Ptr of an L1CD, undefined if the L1CD is invalid. */
  private l1cd(
    streamId: number,
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    l1Index: number,
  ): number | undefined | Fault {
    const cached = this.caches.configuration.l1cd(streamId, l1Index);
    if (cached !== undefined) return cached.l2Ptr;
    const entries = 2 ** Math.max(0, pointer.cdMax - (pointer.leafBits ?? 0));
    const base = alignedTo(pointer.base, Math.max(64, L1CD_BYTES * entries));
    const failed = this.fetch(stream, base + l1Index * L1CD_BYTES, L1CD_BYTES);
    if (failed !== undefined) return failed;
    const { V, L2Ptr } = readL1cd(this.reader.parts);
    const l2Ptr = V === 1 ? L2Ptr : undefined;
    this.caches.configuration.keepL1cd(streamId, l1Index, l2Ptr);
    return l2Ptr;
  }

  private fetch(stream: StreamConfiguration, address: number, bytes: number): Fault | undefined {
    let pa = address;
    if (stream.stage2 !== undefined) {
      const failed = this.stage2.translate(stream.stage2, address, 'CD', S2_READ);
      if (failed !== undefined) return failed;
      pa = this.stage2.pa;
    }
    return this.reader.read(pa, bytes) ? undefined : { event: 'F_CD_FETCH', fetchAddress: pa };
  }
}

/** The structure's base is aligned to its size: lower bits are taken as zero (IHI 0070 §5.2 S1ContextPtr, §5.3 L2Ptr). */
function alignedTo(base: number, bytes: number): number {
  return base - (base % bytes);
}
