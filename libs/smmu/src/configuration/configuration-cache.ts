import { Replacement, type CacheShape } from '../cache/replacement';
import { cdKey, l1cdKey, l1stdKey, steKey } from '../provenance/cached-entry';
import type { Provenance } from '../provenance/provenance';
import type { Fault } from '../events/faults';
import type { CachedCds } from './cached-cds';
import type { ContextConfiguration } from './context-configuration';
import { ContiguousSpans } from './contiguous-spans';
import { copyFor, type StreamConfiguration } from './stream-configuration';
import type { L1Std } from './stream-table';

/** A power of two. */
const RECENT = 64;
const CONFLICT: Fault = { event: 'F_CFG_CONFLICT' };

/**
 * The configuration cache: keeps every structure that was fetched, in whatever state, until a
 * command names it (IHI 0070 §3.21.3, §4.3). CDs are kept with the STE they were found through.
 */
export class ConfigurationCache {
  private readonly replacement: Replacement | undefined;
  private readonly streams = new Map<number, StreamConfiguration>();
  /** STEs of `streams` that were asked for last, by the lowest bits of their StreamIDs. */
  private readonly recent = new Array<StreamConfiguration | undefined>(RECENT).fill(undefined);
  private readonly recentIds = new Float64Array(RECENT);
  private readonly spans = new ContiguousSpans();
  private readonly l1stds = new Map<number, L1Std>();
  private cds = 0;

  /**
   * @param shape of a cache of STEs that evicts; absent: it keeps everything.
   * @param hints STE.CONT is taken for what it says.
   */
  constructor(
    shape?: CacheShape,
    private readonly provenance?: Provenance,
    private readonly hints = true,
  ) {
    this.replacement = shape === undefined ? undefined : new Replacement(shape);
  }

  /** Cached structures of all kinds. */
  get count(): number {
    return this.streams.size + this.l1stds.size + this.cds;
  }

  /**
   * The STE that answers for a StreamID: its own, or one whose CONT span it lies in. Where several
   * do, and are not alike, a fault (IHI 0070 §5.2 CONT, §7.3.18).
   */
  ste(streamId: number): StreamConfiguration | Fault | undefined {
    const place = streamId & (RECENT - 1);
    const recent = this.recent[place];
    const known = recent !== undefined && this.recentIds[place] === streamId;
    return known ? recent : this.lessRecent(streamId, place);
  }

  private lessRecent(streamId: number, place: number): StreamConfiguration | Fault | undefined {
    const own = this.streams.get(streamId);
    const ste = this.spans.empty ? own : this.matching(streamId, own);
    if (ste !== undefined && 'event' in ste) return ste;
    this.recent[place] = ste;
    this.recentIds[place] = streamId;
    return ste;
  }

  private matching(
    streamId: number,
    own: StreamConfiguration | undefined,
  ): StreamConfiguration | Fault | undefined {
    const covering = this.spans.covering(streamId);
    const first = own ?? covering[0];
    if (first === undefined) return undefined;
    if (covering.some(({ likeness }) => likeness !== first.likeness)) return CONFLICT;
    return own ?? this.keepCopy(streamId, first);
  }

  /** Makes a StreamID known by the STE of a neighbour. */
  private keepCopy(streamId: number, ste: StreamConfiguration): StreamConfiguration {
    const copy = copyFor(streamId, ste);
    (ste.copies ??= new Set()).add(streamId);
    this.streams.set(streamId, copy);
    const { provenance } = this;
    provenance?.begin();
    provenance?.through(steKey(ste.streamId));
    provenance?.made(steKey(streamId));
    return copy;
  }

  keepSte(streamId: number, ste: StreamConfiguration): void {
    if (this.replacement !== undefined) {
      ste.place = this.replacement.claim(streamId, (victim) => this.removeStream(victim));
      this.replacement.occupy(ste.place, streamId);
    }
    ste.streamId = streamId;
    this.streams.set(streamId, ste);
    this.provenance?.made(steKey(streamId));
    if (ste.spanLog2 === 0 || !this.hints) return;
    this.spans.add(ste);
    // Whoever was asked for last may now have several answers.
    this.recent.fill(undefined);
  }

  l1std(index: number): L1Std | undefined {
    return this.l1stds.get(index);
  }

  keepL1std(index: number, descriptor: L1Std): void {
    this.l1stds.set(index, descriptor);
    this.provenance?.made(l1stdKey(index));
  }

  keepCd(stream: StreamConfiguration, index: number, cd: ContextConfiguration): void {
    this.changeCds(stream, (cds) => cds.keepCd(index, cd));
    this.provenance?.made(cdKey(stream.streamId, index));
  }

  /** @param l2Ptr undefined: the L1CD has V=0. */
  keepL1cd(stream: StreamConfiguration, index: number, l2Ptr: number | undefined): void {
    this.changeCds(stream, (cds) => cds.keepL1cd(index, l2Ptr));
    this.provenance?.made(l1cdKey(stream.streamId, index));
  }

  /** Changes what is cached of a stream's CDs, and keeps count. */
  private changeCds(stream: StreamConfiguration, change: (cds: CachedCds) => void): void {
    const before = stream.cds.count;
    change(stream.cds);
    this.cds += stream.cds.count - before;
  }

  /**
   * CMD_CFGI_STE: the STE and every CD and L1CD found through it, with the copies by which its
   * neighbours are known. A neighbour's STE that covers the StreamID stays: CONT does not affect
   * invalidation (IHI 0070 §5.2 CONT).
   */
  removeStream(streamId: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.cds -= stream.cds.count;
    this.streams.delete(streamId);
    this.recent[streamId & (RECENT - 1)] = undefined;
    this.forget(stream);
    this.release(stream);
  }

  /** Gives back a stream's place, and takes it out of the spans with the copies made of it. */
  private release(stream: StreamConfiguration): void {
    const { streamId, source, copies, place, spanLog2 } = stream;
    if (place >= 0) this.replacement?.free(place);
    if (source >= 0) this.streams.get(source)?.copies?.delete(streamId);
    if (spanLog2 === 0 || !this.hints) return;
    this.spans.delete(stream);
    stream.copies = undefined;
    for (const copy of copies ?? []) this.removeStream(copy);
  }

  /** The L1STD on the way to a StreamID, given its index. */
  removeL1std(index: number): void {
    this.l1stds.delete(index);
    this.provenance?.removed(l1stdKey(index));
  }

  /**
   * CMD_CFGI_STE_RANGE: the streams from first to last, and the L1STDs on the way to them. `split`
   * is the number of StreamID bits below an L1STD's index.
   */
  removeStreams(first: number, last: number, split: number): void {
    forEachKey(this.streams, first, last, (streamId) => this.removeStream(streamId));
    const index = (streamId: number): number => Math.floor(streamId / 2 ** split);
    forEachKey(this.l1stds, index(first), index(last), (at) => this.removeL1std(at));
  }

  /** CMD_CFGI_ALL. */
  removeAll(): void {
    for (const stream of this.streams.values()) {
      if (stream.place >= 0) this.replacement?.free(stream.place);
      this.forget(stream);
    }
    for (const index of this.l1stds.keys()) this.provenance?.removed(l1stdKey(index));
    this.streams.clear();
    this.spans.clear();
    this.recent.fill(undefined);
    this.l1stds.clear();
    this.cds = 0;
  }

  /** CMD_CFGI_CD: one CD, and the L1CDs at the given level-1 indexes. */
  removeCd(streamId: number, index: number, l1Indexes: readonly number[]): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.changeCds(stream, (cds) => {
      cds.removeCd(index);
      for (const l1Index of l1Indexes) cds.removeL1cd(l1Index);
    });
    this.provenance?.removed(cdKey(streamId, index));
    for (const l1Index of l1Indexes) this.provenance?.removed(l1cdKey(streamId, l1Index));
  }

  /** CMD_CFGI_CD_ALL: every CD and L1CD of a stream. */
  removeCds(streamId: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.forgetCds(stream);
    this.changeCds(stream, (cds) => cds.removeAll());
  }

  private forget(stream: StreamConfiguration): void {
    this.provenance?.removed(steKey(stream.streamId));
    this.forgetCds(stream);
  }

  private forgetCds({ streamId, cds }: StreamConfiguration): void {
    const { provenance } = this;
    if (provenance === undefined) return;
    cds.forEach(
      (index) => provenance.removed(cdKey(streamId, index)),
      (index) => provenance.removed(l1cdKey(streamId, index)),
    );
  }
}

/**
 * Visits the keys in a range, by counting through the range or through the map, whichever is less.
 */
function forEachKey(
  map: ReadonlyMap<number, unknown>,
  first: number,
  last: number,
  visit: (key: number) => void,
): void {
  if (last - first < map.size) {
    for (let key = first; key <= last; key++) visit(key);
    return;
  }
  for (const key of [...map.keys()]) if (key >= first && key <= last) visit(key);
}
