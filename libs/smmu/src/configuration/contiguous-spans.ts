import type { StreamConfiguration } from './stream-configuration';

/**
 * The cached STEs that stand for their neighbours too, known by the spans that STE.CONT gives them
 * (IHI 0070 §5.2). In one span of one size there is at most one: while it is cached, none of the
 * others is fetched.
 */
export class ContiguousSpans {
  /** By log2 of the span: the STE of each span, by the span's number. */
  private readonly sizes = new Map<number, Map<number, StreamConfiguration>>();

  get empty(): boolean {
    return this.sizes.size === 0;
  }

  add(ste: StreamConfiguration): void {
    const { spanLog2, streamId } = ste;
    let spans = this.sizes.get(spanLog2);
    if (spans === undefined) this.sizes.set(spanLog2, (spans = new Map()));
    spans.set(numberOf(streamId, spanLog2), ste);
  }

  delete({ spanLog2, streamId }: StreamConfiguration): void {
    const spans = this.sizes.get(spanLog2);
    spans?.delete(numberOf(streamId, spanLog2));
    if (spans?.size === 0) this.sizes.delete(spanLog2);
  }

  clear(): void {
    this.sizes.clear();
  }

  /** The STEs whose span a StreamID lies in, its own among them if that has one. */
  covering(streamId: number): StreamConfiguration[] {
    const found: StreamConfiguration[] = [];
    for (const [spanLog2, spans] of this.sizes) {
      const ste = spans.get(numberOf(streamId, spanLog2));
      if (ste !== undefined) found.push(ste);
    }
    return found;
  }
}

/** Spans are aligned to their size. */
function numberOf(streamId: number, spanLog2: number): number {
  return Math.floor(streamId / 2 ** spanLog2);
}
