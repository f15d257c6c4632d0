import { S2_READ } from '../cache/tlb-info';
import type { TranslationCache } from '../cache/translation-cache';
import type { Fault } from '../events/faults';
import { L1CD } from '../formats/context-descriptor';
import { fieldNumbers } from '../formats/field-reader';
import type { PhysicalMemory } from '../memory/physical-memory';
import { cdKey, l1cdKey } from '../provenance/cached-entry';
import type { Provenance } from '../provenance/provenance';
import type { Features } from '../registers/features';
import type { Stage1Context } from '../translation/context';
import type { Stage2Walker } from '../translation/stage2';
import { decodeCd } from './context-configuration';
import type { ConfigurationCache } from './configuration-cache';
import { StructureReader } from './structure-reader';
import type { CdTablePointer, StreamConfiguration } from './stream-configuration';

const CD_BYTES = 64;
const L1CD_BYTES = 8;
const BAD_CD: Fault = { event: 'C_BAD_CD' };
const readL1cd = fieldNumbers(L1CD, ['V', 'L2Ptr']);

/**
 * Finds and reads CDs, in a linear or a two-level table, through stage 2 where the stream has one
 * (IHI 0070 §3.3.2).
 */
export class ContextTable {
  private readonly reader: StructureReader;

  constructor(
    memory: PhysicalMemory,
    private readonly features: Features,
    private readonly stage2: Stage2Walker,
    private readonly configuration: ConfigurationCache,
    private readonly translations: TranslationCache,
    private readonly provenance?: Provenance,
  ) {
    this.reader = new StructureReader(memory);
  }

  /**
   * The context at an index of the stream's CD table, or the fault that its fetch ended in; `index`
   * is below 2^S1CDMax.
   */
  context(
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    index: number,
  ): Stage1Context | Fault {
    const cached = stream.cds.cd(index);
    if (cached === undefined) return this.read(stream, pointer, index);
    const { provenance } = this;
    if (provenance?.watchesHits === true) provenance.hit(cdKey(stream.streamId, index));
    return cached ?? BAD_CD;
  }

  private read(
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    index: number,
  ): Stage1Context | Fault {
    this.provenance?.begin();
    const address = this.locate(stream, pointer, index);
    if (typeof address !== 'number') return address;
    const failed = this.fetch(stream, address, CD_BYTES);
    if (failed !== undefined) return failed;
    const context = decodeCd(this.reader.parts, stream, this.features, this.translations);
    this.configuration.keepCd(stream, index, context);
    return context ?? BAD_CD;
  }

  /** Address of a CD: an IPA where stage 2 translates, otherwise a PA. */
  private locate(
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    index: number,
  ): number | Fault {
    const { base, leafBits, cdMax } = pointer;
    if (leafBits === undefined) return alignedTo(base, CD_BYTES * 2 ** cdMax) + index * CD_BYTES;
    const l2Ptr = this.l1cd(stream, pointer, Math.floor(index / 2 ** leafBits));
    if (typeof l2Ptr !== 'number') return l2Ptr ?? { event: 'C_BAD_SUBSTREAMID' };
    // Beyond the address size, this or a stage-2 fault is permitted with stage 2 (IHI 0070 §3.4.3).
    const { outputLimit, intermediateLimit } = this.features;
    if (l2Ptr >= (stream.stage2 === undefined ? outputLimit : intermediateLimit)) {
      return { event: 'C_BAD_SUBSTREAMID' };
    }
    return alignedTo(l2Ptr, CD_BYTES * 2 ** leafBits) + (index % 2 ** leafBits) * CD_BYTES;
  }

  /** The L2Ptr of an L1CD, undefined if the L1CD is invalid. */
  private l1cd(
    stream: StreamConfiguration,
    pointer: CdTablePointer,
    l1Index: number,
  ): number | undefined | Fault {
    const cached = stream.cds.l1cd(l1Index);
    if (cached !== undefined) {
      this.provenance?.through(l1cdKey(stream.streamId, l1Index));
      return cached.l2Ptr;
    }
    const entries = 2 ** Math.max(0, pointer.cdMax - (pointer.leafBits ?? 0));
    const base = alignedTo(pointer.base, Math.max(64, L1CD_BYTES * entries));
    const failed = this.fetch(stream, base + l1Index * L1CD_BYTES, L1CD_BYTES);
    if (failed !== undefined) return failed;
    const { V, L2Ptr } = readL1cd(this.reader.parts);
    const l2Ptr = V === 1 ? L2Ptr : undefined;
    this.configuration.keepL1cd(stream, l1Index, l2Ptr);
    return l2Ptr;
  }

  private fetch(stream: StreamConfiguration, address: number, bytes: number): Fault | undefined {
    let pa = address;
    if (stream.stage2 !== undefined) {
      const failed = this.stage2.translate(stream.stage2, address, 'CD', S2_READ);
      if (failed !== undefined) return failed;
      pa = this.stage2.pa;
    }
    if (!this.reader.read(pa, bytes)) return { event: 'F_CD_FETCH', fetchAddress: pa };
    this.provenance?.structure(pa, bytes);
    return undefined;
  }
}

/**
 * The structure's base is aligned to its size: lower bits are taken as zero (IHI 0070 §5.2
 * S1ContextPtr, §5.3 L2Ptr).
 */
function alignedTo(base: number, bytes: number): number {
  return base - (base % bytes);
}
