import type { ContextConfiguration } from './context-configuration';
import type { L1Std } from './stream-table';
import type { StreamConfiguration } from './stream-configuration';

/** What is cached of one StreamID. A CD is known by its index in the stream's CD table (IHI 0070 §4.3.3). */
class CachedStream {
  ste: StreamConfiguration | undefined;
  cds: Map<number, ContextConfiguration> | undefined;
  /** L1CD.L2Ptr by level-1 index; undefined inside the map: an invalid L1CD. */
  l1cds: Map<number, number | undefined> | undefined;
}

/**
 * The configuration cache: keeps every structure that was fetched, in whatever state, until a command names it
 * (IHI 0070 §3.21.3, §4.3).
 */
export class ConfigurationCache {
  /** Cached structures of all kinds. */
  count = 0;
  private readonly streams = new Map<number, CachedStream>();
  private readonly l1stds = new Map<number, L1Std>();

  ste(streamId: number): StreamConfiguration | undefined {
    return this.streams.get(streamId)?.ste;
  }

  keepSte(streamId: number, ste: StreamConfiguration): void {
    this.stream(streamId).ste = ste;
    this.count++;
  }

  cd(streamId: number, index: number): ContextConfiguration | undefined {
    return this.streams.get(streamId)?.cds?.get(index);
  }

  keepCd(streamId: number, index: number, cd: ContextConfiguration): void {
    (this.stream(streamId).cds ??= new Map()).set(index, cd);
    this.count++;
  }

  /** A cached L1CD: whether there is one, and its L2Ptr if it is valid. */
  l1cd(streamId: number, index: number): { l2Ptr: number | undefined } | undefined {
    const l1cds = this.streams.get(streamId)?.l1cds;
    return l1cds?.has(index) ? { l2Ptr: l1cds.get(index) } : undefined;
  }

  keepL1cd(streamId: number, index: number, l2Ptr: number | undefined): void {
    (this.stream(streamId).l1cds ??= new Map()).set(index, l2Ptr);
    this.count++;
  }

  l1std(index: number): L1Std | undefined {
    return this.l1stds.get(index);
  }

  keepL1std(index: number, descriptor: L1Std): void {
    this.l1stds.set(index, descriptor);
    this.count++;
  }

  /** CMD_CFGI_STE: the STE and every CD and L1CD found through it. */
  removeStream(streamId: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.count -= size(stream);
    this.streams.delete(streamId);
  }

  /** The L1STD on the way to a StreamID. */
  removeL1std(index: number): void {
    if (this.l1stds.delete(index)) this.count--;
  }

  /** CMD_CFGI_STE_RANGE: streams first to last, and the L1STDs on the way to them. */
  removeStreams(first: number, last: number, split: number): void {
    if (last - first < this.streams.size) {
      for (let streamId = first; streamId <= last; streamId++) this.removeStream(streamId);
    } else {
      for (const streamId of [...this.streams.keys()]) {
        if (streamId >= first && streamId <= last) this.removeStream(streamId);
      }
    }
    const firstIndex = Math.floor(first / 2 ** split);
    const lastIndex = Math.floor(last / 2 ** split);
    for (const index of [...this.l1stds.keys()]) {
      if (index >= firstIndex && index <= lastIndex) this.removeL1std(index);
    }
  }

  /** CMD_CFGI_ALL. */
  removeAll(): void {
    this.streams.clear();
    this.l1stds.clear();
    this.count = 0;
  }

  /** CMD_CFGI_CD: one CD; `l1Index` names the L1CD that locates it, if that goes too. */
  removeCd(streamId: number, index: number, l1Indexes: readonly number[]): void {
    const stream = this.streams.get(streamId);
    if (stream?.cds?.delete(index)) this.count--;
    for (const l1Index of l1Indexes) if (stream?.l1cds?.delete(l1Index)) this.count--;
  }

  /** CMD_CFGI_CD_ALL: every CD and L1CD of a stream. */
  removeCds(streamId: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.count -= (stream.cds?.size ?? 0) + (stream.l1cds?.size ?? 0);
    stream.cds = undefined;
    stream.l1cds = undefined;
  }

  private stream(streamId: number): CachedStream {
    let stream = this.streams.get(streamId);
    if (stream === undefined) this.streams.set(streamId, (stream = new CachedStream()));
    return stream;
  }
}

function size(stream: CachedStream): number {
  return (stream.ste === undefined ? 0 : 1) + (stream.cds?.size ?? 0) + (stream.l1cds?.size ?? 0);
}
