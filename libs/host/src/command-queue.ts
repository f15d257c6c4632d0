import {
  COMMANDS,
  REGISTERS,
  opcodeOf,
  type CommandWords,
  type PhysicalMemory,
  type Smmu,
} from '@steward/smmu';
import type { Tapped } from './command-tap';
import { syncIssue } from './issue';

const ENTRY_BYTES = 16;
/** Commands written before the queue is rung (Linux `CMDQ_BATCH_ENTRIES`). */
const BATCH = 64;
/** CMDQ_CONS.ERR: illegal command (IHI 0070 §7.1). */
const CERROR_ILL = 1n;

/**
 * The driver's end of one SMMU's command queue: commands are words in memory, and CMDQ_PROD rings the bell
 * (IHI 0070 §3.5, §4.1.2).
 */
export class CommandQueue {
  /** Producer index with its wrap flag: log2Size + 1 bits. */
  private prod = 0;

  constructor(
    private readonly options: {
      readonly memory: PhysicalMemory;
      readonly smmu: Smmu;
      /** Physical byte address of the ring. */
      readonly base: number;
      /** log2 of the number of entries, more than one batch. */
      readonly log2Size: number;
      /** What every command passes on its way. */
      readonly tapped?: Tapped | undefined;
    },
  ) {}

  /** Issues commands in order and rings the bell behind each CMD_SYNC; returns when the SMMU has consumed them all. */
  issue(commands: readonly CommandWords[]): void {
    const { tapped, smmu: hardware, memory } = this.options;
    if (tapped === undefined) return this.put(commands);
    const { tap, smmu, origin } = tapped;
    const queue = { smmu, hardware, memory, origin: origin.now };
    tap.issue(queue, commands, (list) => this.put(list));
  }

  private put(commands: readonly CommandWords[]): void {
    let unseen = 0;
    for (const words of commands) {
      const isSync = opcodeOf(words) === COMMANDS.SYNC.opcode;
      if (unseen >= BATCH && !isSync) unseen = this.ring(unseen);
      this.write(words);
      unseen += 1;
      if (isSync) unseen = this.ring(unseen);
    }
    if (unseen > 0) this.ring(unseen);
  }

  private write(words: CommandWords): void {
    const { memory, base, log2Size } = this.options;
    const size = 2 ** log2Size;
    const at = base + (this.prod % size) * ENTRY_BYTES;
    memory.write64(at, words[0]);
    memory.write64(at + 8, words[1]);
    this.prod = (this.prod + 1) % (2 * size);
  }

  /** Shows the SMMU what was written since the last time. @returns how many commands it has not seen: none. */
  private ring(written: number): 0 {
    this.options.smmu.writeRegister('CMDQ_PROD', BigInt(this.prod));
    for (let errors = 0; this.hasStopped(); errors++) {
      if (errors > written) throw new Error('the command queue reports more errors than commands');
      this.skipBadCommand();
    }
    return 0;
  }

  private hasStopped(): boolean {
    const { smmu } = this.options;
    const active = smmu.readRegister('GERROR') ^ smmu.readRegister('GERRORN');
    if (active === 0n) return false;
    return REGISTERS.GERROR.layout.get([active], 'CMDQ_ERR') === 1n;
  }

  /**
   * Linux `arm_smmu_cmdq_skip_err`: an illegal command is overwritten with a CMD_SYNC, which means nothing there; the
   * error is acknowledged, and the SMMU goes on from where it stopped. Other errors are only acknowledged.
   */
  private skipBadCommand(): void {
    const { memory, smmu, base, log2Size } = this.options;
    const { layout } = REGISTERS.CMDQ_CONS;
    const cons = [smmu.readRegister('CMDQ_CONS')];
    if (layout.get(cons, 'ERR') === CERROR_ILL) {
      const index = Number(layout.get(cons, 'RD')) % 2 ** log2Size;
      const { words } = syncIssue('');
      memory.write64(base + index * ENTRY_BYTES, words[0]);
      memory.write64(base + index * ENTRY_BYTES + 8, words[1]);
    }
    smmu.writeRegister('GERRORN', smmu.readRegister('GERROR'));
  }
}
