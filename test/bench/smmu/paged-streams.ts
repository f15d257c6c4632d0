import type { Transaction } from '@steward/smmu';
import { Rig } from './rig';

export const PAGES = 1024;
export type Stages = 's1' | 's2' | 'nested';

/** First input address; the pages follow one another. */
export const INPUT = 0x12_3400_0000;
const OUTPUT = 0x40_0000_0000;
const PAGE = 4096;

/** How the tags of the streams differ. */
export interface Tags {
  readonly vmid: (stream: number) => number;
  readonly asid: (stream: number) => number;
}

/** Streams that share one set of tables with `pages` pages, each stream under tags of its own. */
export class PagedStreams {
  readonly rig = new Rig();
  /** Roots of the tables; the stage that is not used has an empty one. */
  readonly stage1Root = this.rig.page();
  readonly stage2Root = this.rig.page();

  constructor(
    stages: Stages,
    readonly streams: number,
    readonly pages: number,
    tags: Tags,
  ) {
    const { rig, stage1Root, stage2Root } = this;
    const contexts = Array.from({ length: stages === 's2' ? 0 : streams }, () => rig.page());
    contexts.forEach((cd, stream) => rig.cd(cd, stage1Root, tags.asid(stream)));
    for (let page = 0; page < pages; page++) {
      // The middle address is scattered, so that neighbours of stage 1 are none of stage 2.
      const middle =
        stages === 'nested' ? INPUT + ((page * 389) % pages) * PAGE : INPUT + page * PAGE;
      if (stages !== 's2') {
        const output = stages === 's1' ? outputOf(page) : middle;
        rig.mapStage1(stage1Root, INPUT + page * PAGE, output);
      }
    }
    if (stages !== 's1') this.mapStage2(pages);
    for (let stream = 0; stream < streams; stream++) {
      rig.ste(stream, {
        Config: stages === 's1' ? 5n : stages === 's2' ? 6n : 7n,
        S2VMID: BigInt(tags.vmid(stream)),
        ...(stages === 's2' ? {} : { S1ContextPtr: BigInt(contexts[stream]!) }),
        ...(stages === 's1' ? {} : rig.stage2(stage2Root)),
      });
    }
  }

  /** The read of one page by one stream, somewhere inside the page. */
  read(stream: number, page: number): Transaction {
    return {
      streamId: stream,
      address: BigInt(INPUT + page * PAGE + ((page * 8) % PAGE)),
      write: false,
    };
  }

  /** @throws Error when the transaction does not reach memory. */
  access(transaction: Transaction): number {
    const outcome = this.rig.smmu.access(transaction);
    if (outcome.kind !== 'ok')
      throw new Error(`the benchmark's transaction ended in ${outcome.kind}`);
    return outcome.pa;
  }

  /** Removes every TLB entry; cached configuration stays. */
  forgetTranslations(): void {
    this.rig.enqueue('TLBI_NSNH_ALL');
    this.rig.run();
  }

  private mapStage2(pages: number): void {
    const { rig, stage2Root } = this;
    for (let page = 0; page < pages; page++)
      rig.mapStage2(stage2Root, INPUT + page * PAGE, outputOf(page));
    // Stage-1 tables and CDs are at IPAs; here each is its own PA.
    const { first, end } = rig.pagesUsed();
    for (let page = first; page < end; page += PAGE) rig.mapStage2(stage2Root, page, page);
  }
}

function outputOf(page: number): number {
  return OUTPUT + page * PAGE;
}
