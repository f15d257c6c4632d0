import type { TraceLine } from './events';

/** Lines after which a boot that does not end is imported piece by piece, so that memory stays bounded. */
const LINES_MAX = 100_000;

/** A stretch of a trace that is imported by itself. */
export interface Boot {
  readonly lines: readonly TraceLine[];
  /** Number of the last line before it. */
  readonly after: number;
  /** SMMUs of the machine, as far as its resets tell. */
  readonly instances: number;
  /** It goes on from the piece before: no reset lies between. */
  readonly continues: boolean;
}

/**
 * Cuts a trace where the machine was reset: what a guest did before tells nothing of what it did after. A machine resets each
 * SMMU once before anything else happens, so a reset after other lines begins a boot, and several in a row are several SMMUs.
 * (Memory regions are announced before the first reset, and for a new bus at any time.)
 */
export class BootCutter {
  private lines: TraceLine[] = [];
  private after = 0;
  private resets = 0;
  /** Something other than the machine's own beginning has happened. */
  private running = false;
  private continues = false;

  constructor(private readonly linesMax = LINES_MAX) {}

  /** Takes the next line; gives the boot that it ends. */
  add(line: TraceLine): Boot | undefined {
    const isReset = line.event === 'smmu_reset_exit';
    const ended = isReset && this.running ? this.take(line.line - 1, false) : undefined;
    this.lines.push(line);
    if (isReset) this.resets++;
    else if (line.event !== 'smmu_add_mr') this.running = true;
    // Between two updates of the command queue no walk is under way.
    const full = line.event === 'smmuv3_cmdq_consume_out' && this.lines.length >= this.linesMax;
    return full ? this.take(line.line, true) : ended;
  }

  /** The last boot. @param total lines of the whole trace. */
  finish(total: number): Boot {
    return this.take(total, false);
  }

  private take(last: number, goesOn: boolean): Boot {
    const { lines, after, continues } = this;
    const boot = { lines, after, continues, instances: Math.max(this.resets, 1) };
    this.lines = [];
    this.after = last;
    this.continues = goesOn;
    if (!goesOn) {
      this.resets = 0;
      this.running = false;
    }
    return boot;
  }
}
