import type { PhysicalMemory } from '../memory/physical-memory';
import type { CompletionSignal, SmmuObserver } from '../observer';
import type { GlobalErrors } from '../registers/global-errors';

/** Tells of completed CMD_SYNCs (IHI 0070 §4.7.3). */
export class CompletionSignals {
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly errors: GlobalErrors,
    private readonly observer: SmmuObserver,
  ) {}

  /** Signals one completion; its message is a 32-bit write. */
  signal(signal: CompletionSignal): void {
    this.observer.completionSignalled?.(signal);
    if (signal.kind !== 'interrupt' || signal.message === undefined) return;
    const { memory } = this;
    const { address, data } = signal.message;
    const word = address - (address % 8);
    if (!memory.backed(word)) {
      this.errors.activate('MSI_CMDQ_ABT_ERR');
      return;
    }
    const upper = address % 8 === 4;
    const lo = upper ? memory.readLo(word) : data;
    const hi = upper ? data : memory.readHi(word);
    memory.writeWord(word, lo, hi);
  }
}
