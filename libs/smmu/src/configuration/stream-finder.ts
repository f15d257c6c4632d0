import type { TranslationCache } from '../cache/translation-cache';
import type { Fault } from '../events/faults';
import type { Control } from '../registers/control';
import { steKey } from '../provenance/cached-entry';
import type { Provenance } from '../provenance/provenance';
import type { Features } from '../registers/features';
import type { Stage1Context } from '../translation/context';
import type { ConfigurationCache } from './configuration-cache';
import type { ContextTable } from './context-table';
import { decodeSte, type StreamConfiguration } from './stream-configuration';
import type { StreamTable } from './stream-table';
import { contextIndex } from './substream';

/** The context of an access, undefined where stage 1 does not translate it, or a fault. */
export type ContextResult = Stage1Context | undefined | Fault;

const BAD_SUBSTREAMID: Fault = { event: 'C_BAD_SUBSTREAMID' };

/** Finds the configuration of an access: its STE, then its CD (IHI 0070 §3.3). */
export class StreamFinder {
  constructor(
    private readonly streams: StreamTable,
    private readonly contexts: ContextTable,
    private readonly cache: ConfigurationCache,
    private readonly translations: TranslationCache,
    private readonly features: Features,
    private readonly provenance?: Provenance,
  ) {}

  /** The configuration of a stream, or the fault that finding it ended in. */
  stream(streamId: number, control: Control): StreamConfiguration | Fault {
    const cached = this.cache.ste(streamId);
    if (cached === undefined) return this.fetch(streamId, control);
    if (this.provenance?.watchesHits === true) this.provenance.hit(steKey(streamId));
    return cached;
  }

  private fetch(streamId: number, control: Control): StreamConfiguration | Fault {
    const failed = this.streams.fetch(control.streamTable, streamId);
    if (failed !== undefined) return failed;
    const { parts, arrayLog2 } = this.streams;
    const surroundings = { e2h: control.e2h, arrayLog2 };
    const decoded = decodeSte(parts, this.features, this.translations, surroundings);
    this.cache.keepSte(streamId, decoded);
    return decoded;
  }

  /**
   * What keeps a Translated transaction from its CD (IHI 0070 §3.9.1.3). The CD is fetched for one
   * with a SubstreamID alone.
   */
  substreamFault(stream: StreamConfiguration, substreamId: number | undefined): Fault | undefined {
    if (substreamId !== undefined) {
      const context = this.context(stream, substreamId);
      return context !== undefined && 'event' in context ? context : undefined;
    }
    const index = stream.stage1 === undefined ? 0 : contextIndex(stream.stage1, undefined);
    return typeof index === 'object' ? index : undefined;
  }

  /** The stage-1 context of a stream that passes traffic, given the access's SubstreamID. */
  context(stream: StreamConfiguration, substreamId: number | undefined): ContextResult {
    const pointer = stream.stage1;
    if (pointer === undefined) return substreamId === undefined ? undefined : BAD_SUBSTREAMID;
    const index = contextIndex(pointer, substreamId);
    if (typeof index !== 'number') return index;
    return this.contexts.context(stream, pointer, index);
  }
}
