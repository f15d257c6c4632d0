import type { PhysicalMemory } from '../memory/physical-memory';
import type { SmmuObserver } from '../observer';
import type { Features } from '../registers/features';
import type { GlobalErrors } from '../registers/global-errors';
import {
  entryAddress,
  EVENT_QUEUE,
  isFull,
  nextIndex,
  queueShape,
  type QueueShape,
} from '../registers/queue-shape';
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
    private readonly observer: SmmuObserver,
  ) {}

  /** The queue takes records: it is enabled, not full, and no abort is pending (§7.2.1). */
  get writable(): boolean {
    return this.enabled && !this.full;
  }

  /** Writes a record of four words if the queue is writable. A record that cannot be is lost. */
  record(words: readonly bigint[]): void {
    const queued = this.writable && this.write(words);
    if (!queued && this.enabled && this.full) this.overflow();
    this.observer.eventRecorded?.(words, queued);
  }

  /**
   * Writes the record of a stall. It is never discarded, hence never an overflow (§7.4).
   * @returns whether it was written.
   */
  recordStall(words: readonly bigint[]): boolean {
    if (!this.writable || !this.write(words)) return false;
    this.observer.eventRecorded?.(words, true);
    return true;
  }

  private get enabled(): boolean {
    return this.registers.field(EVENTQEN) === 1 && !this.errors.isActive('EVENTQ_ABT_ERR');
  }

  private get full(): boolean {
    const { registers } = this;
    const producer = registers.field(EVENT_QUEUE.producer);
    return isFull(this.shape(), producer, registers.field(EVENT_QUEUE.consumer));
  }

  private shape(): QueueShape {
    return queueShape(this.registers, EVENT_QUEUE, this.features.eventqsLog2);
  }

  private write(words: readonly bigint[]): boolean {
    const { registers } = this;
    const shape = this.shape();
    const producer = registers.field(EVENT_QUEUE.producer);
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
