import {
  REGISTERS,
  Smmu,
  type PhysicalMemory,
  type RegisterName,
  type SmmuObserver,
} from '@steward/smmu';
import { CommandQueue } from './command-queue';
import type { Tapped } from './command-tap';
import { EventQueue } from './event-queue';
import { issue, syncIssue, type Issue } from './issue';
import {
  STREAM_TABLE_SPLIT,
  hardwareIdr,
  probe,
  type ForcedFeatures,
  type Probe,
  type SmmuDescription,
} from './probe';
import { StreamTable } from './stream-table';
import type { PageAllocator } from './page-allocator';

/**
 * log2 of the entries the driver asks for. Linux starts from what the SMMU allows and takes less when its allocator has no
 * piece that large; 4096 entries are what this kernel's has.
 */
const QUEUE_LOG2_MAX = 12;
const COMMAND_BYTES = 16;
const EVENT_BYTES = 32;

/** Inner shareable, write-back cacheable, for tables and queues alike: 0xd75 (IHI 0070 §6.3.11). */
const CR1 = { TABLE_SH: 3n, TABLE_OC: 1n, TABLE_IC: 1n, QUEUE_SH: 3n, QUEUE_OC: 1n, QUEUE_IC: 1n };

/** One physical SMMU under the driver: its registers programmed, its queues and stream table in memory. */
export class PhysicalSmmu {
  readonly hardware: Smmu;
  readonly streamTable: StreamTable;
  readonly commands: CommandQueue;
  readonly events: EventQueue;
  private probed: Probe;

  /** Probes and brings up. @throws UnsupportedSmmu when the driver's probe fails. */
  constructor(
    readonly description: SmmuDescription,
    memory: PhysicalMemory,
    allocator: PageAllocator,
    observer: SmmuObserver,
    tapped?: Tapped,
  ) {
    this.probed = probe(description);
    const { iidr, aidr } = description;
    this.hardware = new Smmu({ idr: hardwareIdr(description), iidr, aidr }, memory, observer);
    const smmu = this.hardware;
    const queue = (limit: number, bytes: number): { base: number; log2Size: number } => {
      const log2Size = Math.min(limit, QUEUE_LOG2_MAX);
      return { base: allocator.allocate(2 ** log2Size * bytes), log2Size };
    };
    const commandRing = queue(this.probe.commandQueueLog2, COMMAND_BYTES);
    const eventRing = queue(this.probe.eventQueueLog2, EVENT_BYTES);
    this.commands = new CommandQueue({ memory, smmu, tapped, ...commandRing });
    this.events = new EventQueue({ memory, smmu, ...eventRing });
    const { sidBits, twoLevelStreamTable: twoLevel } = this.probe;
    this.streamTable = new StreamTable(memory, allocator, { twoLevel, sidBits });
    this.bringUp(commandRing, eventRing);
  }

  /** What the driver uses of it. */
  get probe(): Probe {
    return this.probed;
  }

  /** Uses other features from here on; the hardware, and what is programmed and built already, stay. */
  forceFeatures(features: ForcedFeatures): void {
    this.probed = probe({ ...this.description, features });
  }

  /** Issues a plan's commands for this SMMU. */
  issue(plan: readonly Issue[]): void {
    this.commands.issue(plan.map((command) => command.words));
  }

  /** Linux `arm_smmu_device_reset`, register by register and in its order. */
  private bringUp(
    commandRing: { base: number; log2Size: number },
    eventRing: { base: number; log2Size: number },
  ): void {
    this.disable();
    this.program('CR1', CR1);
    // Broadcast TLB maintenance is not used (PTM); bad StreamIDs are recorded.
    this.program('CR2', { PTM: 1n, RECINVSID: 1n });
    this.program('STRTAB_BASE', { RA: 1n, ADDR: BigInt(this.streamTable.base) });
    this.program('STRTAB_BASE_CFG', {
      LOG2SIZE: BigInt(this.streamTable.log2Size),
      ...(this.streamTable.twoLevel ? { FMT: 1n, SPLIT: BigInt(STREAM_TABLE_SPLIT) } : {}),
    });

    this.programQueue('CMDQ', commandRing);
    const enables: Record<string, bigint> = { CMDQEN: 1n };
    this.enable(enables);
    this.invalidateEverything();

    this.programQueue('EVENTQ', eventRing);
    enables['EVENTQEN'] = 1n;
    this.enable(enables);
    if (this.probe.ats) {
      enables['ATSCHK'] = 1n;
      this.enable(enables);
    }
    this.program('IRQ_CTRL', {});
    // No MSI: the event thread and the error handler run on wired interrupts.
    this.program('GERROR_IRQ_CFG0', {});
    this.program('EVENTQ_IRQ_CFG0', {});
    this.program('IRQ_CTRL', { EVENTQ_IRQEN: 1n, GERROR_IRQEN: 1n });
    enables['SMMUEN'] = 1n;
    this.enable(enables);
  }

  /** Nothing passes between switching off what was on before and the new tables. */
  private disable(): void {
    const cr0 = this.hardware.readRegister('CR0');
    if (REGISTERS.CR0.layout.get([cr0], 'SMMUEN') === 1n) {
      this.program('GBPA', { UPDATE: 1n, ABORT: 1n });
    }
    this.enable({});
  }

  private invalidateEverything(): void {
    const { id } = this.description;
    const sync = syncIssue(id);
    // CFGI_ALL is CFGI_STE_RANGE over all 2^32 StreamIDs (IHI 0070 §4.3.6).
    this.issue([issue(id, 'CFGI_STE_RANGE', { Range: 31n }), sync]);
    const idr0 = [this.hardware.readRegister('IDR0')];
    if (REGISTERS.IDR0.layout.get(idr0, 'HYP') === 1n)
      this.issue([issue(id, 'TLBI_EL2_ALL'), sync]);
    this.issue([issue(id, 'TLBI_NSNH_ALL'), sync]);
  }

  private programQueue(queue: 'CMDQ' | 'EVENTQ', ring: { base: number; log2Size: number }): void {
    const fields = { RA_WA: 1n, ADDR: BigInt(ring.base), LOG2SIZE: BigInt(ring.log2Size) };
    this.program(`${queue}_BASE`, fields);
    this.program(`${queue}_PROD`, {});
    this.program(`${queue}_CONS`, {});
  }

  /** Writes CR0 and waits for its acknowledgement. */
  private enable(fields: Record<string, bigint>): void {
    this.program('CR0', fields);
    const wanted = this.hardware.readRegister('CR0');
    if (this.hardware.readRegister('CR0ACK') !== wanted) {
      throw new Error(`${this.description.id} does not acknowledge CR0`);
    }
  }

  private program(register: RegisterName, fields: Record<string, bigint>): void {
    const [word] = REGISTERS[register].layout.encode(fields);
    this.hardware.writeRegister(register, word!);
  }
}
