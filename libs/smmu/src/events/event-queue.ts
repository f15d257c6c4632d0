import type { PhysicalMemory } from '../memory/physical-memory';
import type { Features } from '../registers/features';
import type { GlobalErrors } from '../registers/global-errors';
import { entryAddress, EVENT_QUEUE, isFull, nextIndex, queueShape } from '../registers/queue-shape';
import { registerField } from '../registers/register-field';
import { EVENTQEN, type RegisterFile } from '../registers/register-file';

const OVFLG = registerField('EVENTQ_PROD', 'OVFLG');
const OVACKFLG = registerField('EVENTQ_CONS', 'OVACKFLG');

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
    const { registers } = this;
    if (registers.field(EVENTQEN) === 0) return false;
    if (this.errors.isActive('EVENTQ_ABT_ERR')) return false;
    const shape = queueShape(registers, EVENT_QUEUE, this.features.eventqsLog2);
    const producer = registers.field(EVENT_QUEUE.producer);
    if (isFull(shape, producer, registers.field(EVENT_QUEUE.consumer))) {
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
    registers.setField(EVENT_QUEUE.producer, nextIndex(shape, producer));
    return true;
  }

  /** OVFLG is toggled unless an overflow is pending already (IHI 0070 §7.4). */
  private overflow(): void {
    const flag = this.registers.field(OVFLG);
    if (flag === this.registers.field(OVACKFLG)) this.registers.setField(OVFLG, flag ^ 1);
  }
}
