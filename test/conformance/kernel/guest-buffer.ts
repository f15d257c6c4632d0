import { encodeDma, type Command } from '@steward/domain';
import {
  cdStores,
  DEFAULT_STAGE1,
  describedStage1s,
  PAGE_B,
  pageStore,
  stage1Stores,
  type GuestStage1,
  type Store,
} from './guest-memory';
import type { Pipeline } from './pipeline';
import { OK, type Played } from './played';
import { text, type Step, type StepIn } from './recording-format';
import { BUFFER, VM } from './set-ups';

/** The word a test device writes, and what its result register says. */
const PATTERN = '0x12345678';
const DMA_REFUSED = '0xdead0002';
/** "anything else": the device's own check always ends in this. */
const DMA_DONE = '0xdead0004';

/** The guest buffer: what the test program stores in it, and what its devices write there. */
export class GuestBuffer {
  /** Where the last accepted DMA wrote; the test program clears the word before the next. */
  private written: number | undefined;
  private readonly stage1 = DEFAULT_STAGE1;
  /** The guest's CD is not valid until it is told to look again. */
  private cdCleared = false;

  constructor(private readonly pipeline: Pipeline) {}

  /** The guest buffer as the test program has it at the start. */
  async prepare(): Promise<void> {
    await this.build([this.stage1]);
  }

  async dma(args: StepIn): Promise<Played> {
    const access = {
      device: 0,
      stream: 0,
      write: text(args, 'dir') === 'write',
      iova: BigInt(text(args, 'iova')),
    };
    await this.pipeline.execute({
      type: 'GuestActs',
      vm: VM,
      devices: [text(args, 'dev')],
      segments: [{ op: 'dma', count: 1 }],
      words: encodeDma([access]),
    });
    this.written = this.pipeline.acceptedDma();
    const offset =
      this.written === undefined ? [] : [`0x${(this.written - BUFFER.pa).toString(16)}`];
    const accepted = this.written !== undefined;
    const dma_result = accepted ? DMA_DONE : DMA_REFUSED;
    return { errno: 'OK', out: { accepted, written_mem_offset: offset, dma_result } };
  }

  peek(args: StepIn): Played {
    const gpa = args['gpa'] === undefined ? undefined : Number(text(args, 'gpa'));
    const at = gpa === undefined ? this.written : gpa - BUFFER.ipa + BUFFER.pa;
    const hit = this.written !== undefined && at === this.written;
    return { errno: 'OK', out: { word: hit ? PATTERN : '0x00000000' } };
  }

  async describe(step: Step): Promise<Played> {
    const stage1s: GuestStage1[] = describedStage1s(step.case ?? '', step.out);
    await this.build(stage1s);
    return { errno: 'OK', out: step.out };
  }

  async remapPage(step: Step): Promise<Played> {
    const va = Number(/VA (0x\w+)/.exec(step.case ?? '')?.[1]);
    await this.store([pageStore(this.stage1, { va, ipa: PAGE_B, readOnly: false })]);
    return OK;
  }

  async clearCd(): Promise<Played> {
    this.cdCleared = true;
    await this.store(cdStores(this.stage1, false));
    return OK;
  }

  private async build(stage1s: readonly GuestStage1[]): Promise<void> {
    for (const { ttb } of stage1s) this.pipeline.startTables.add(BigInt(ttb));
    await this.store(stage1s.flatMap(stage1Stores));
  }

  async restoreCd(): Promise<void> {
    if (!this.cdCleared) return;
    this.cdCleared = false;
    await this.store(cdStores(this.stage1, true));
  }

  private async store(stores: readonly Store[]): Promise<void> {
    const command: Command = {
      type: 'GuestActs',
      vm: VM,
      devices: [],
      segments: [{ op: 'write', count: stores.length }],
      words: BigUint64Array.from(stores.flatMap(([ipa, word]) => [BigInt(ipa), word])),
    };
    await this.pipeline.execute(command);
  }
}
