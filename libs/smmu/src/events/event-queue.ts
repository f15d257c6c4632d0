import type { PhysicalMemory } from '../memory/physical-memory';
import type { Features } from '../registers/features';
import type { GlobalErrors } from '../registers/global-errors';
import {
  entryAddress,
  isFull,
  nextIndex,
  queueShape,
  type QueueShape,
} from '../registers/queue-shape';
import type { RegisterFile } from '../registers/register-file';

const RECORD_BYTES = 32;

/** The Non-secure event queue, from the SMMU's side (IHI 0070 §7.2, §7.4). */
export class EventQueue {
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly registers: RegisterFile,
    private readonly errors: GlobalErrors,
    private readonly features: Features,
  ) {}

  /**
   * Writes a record of four words if the queue is writable.
   * @returns whether it was queued; a record that was not is lost.
   */
  record(words: readonly bigint[]): boolean {
    if (this.registers.field('CR0', 'EVENTQEN') === 0) return false;
    if (this.errors.isActive('EVENTQ_ABT_ERR')) return false;
    const shape = this.shape();
    const producer = this.registers.field('EVENTQ_PROD', 'WR');
    if (isFull(shape, producer, this.registers.field('EVENTQ_CONS', 'RD'))) {
      this.overflow();
      return false;
    }
    const address = entryAddress(shape, producer);
    if (!this.memory.backed(address)) {
      // The abort is synchronous: PROD stays (IHI 0070 §7.2.2).
      this.errors.activate('EVENTQ_ABT_ERR');
      return false;
    }
    words.forEach((word, n) => this.memory.write64(address + n * 8, word));
    this.registers.setField('EVENTQ_PROD', 'WR', nextIndex(shape, producer));
    return true;
  }

  /** OVFLG is toggled unless an overflow is pending already (IHI 0070 §7.4). */
  private overflow(): void {
    const flag = this.registers.field('EVENTQ_PROD', 'OVFLG');
    if (flag !== this.registers.field('EVENTQ_CONS', 'OVACKFLG')) return;
    this.registers.setField('EVENTQ_PROD', 'OVFLG', flag ^ 1);
  }

  private shape(): QueueShape {
    return queueShape(this.registers, {
      base: 'EVENTQ_BASE',
      entryBytes: RECORD_BYTES,
      largestLog2: this.features.eventqsLog2,
    });
  }
}
