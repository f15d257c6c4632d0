import { REGISTERS, type PhysicalMemory, type Smmu } from '@steward/smmu';

/** Four little-endian 64-bit words (IHI 0070 §7.3). */
export type EventRecord = readonly [bigint, bigint, bigint, bigint];

const RECORD_BYTES = 32;

/** The driver's end of one SMMU's event queue: what its interrupt thread reads (Linux `arm_smmu_evtq_thread`). */
export class EventQueue {
  /** Consumer index with its wrap flag: log2Size + 1 bits. */
  private cons = 0;

  constructor(
    private readonly options: {
      readonly memory: PhysicalMemory;
      readonly smmu: Smmu;
      /** Physical byte address of the ring. */
      readonly base: number;
      readonly log2Size: number;
    },
  ) {}

  /** Reads every record up to the SMMU's PROD, frees their places and acknowledges an overflow. */
  drain(): EventRecord[] {
    const { smmu, log2Size } = this.options;
    const prod = smmu.readRegister('EVENTQ_PROD');
    // Nothing to read, and no overflow that is not acknowledged: OVFLG and OVACKFLG are the same bit (IHI 0070 §6.3.30, §6.3.31).
    if (smmu.readRegister('EVENTQ_CONS') === prod) return [];
    const indices = 2 ** (log2Size + 1);
    const { layout } = REGISTERS.EVENTQ_PROD;
    const end = Number(layout.get([prod], 'WR')) % indices;
    const records: EventRecord[] = [];
    while (this.cons !== end) {
      records.push(this.readRecord());
      this.cons = (this.cons + 1) % indices;
    }
    const [word] = REGISTERS.EVENTQ_CONS.layout.encode({
      RD: BigInt(this.cons),
      OVACKFLG: layout.get([prod], 'OVFLG'),
    });
    smmu.writeRegister('EVENTQ_CONS', word!);
    return records;
  }

  private readRecord(): EventRecord {
    const { memory, base, log2Size } = this.options;
    const at = base + (this.cons % 2 ** log2Size) * RECORD_BYTES;
    const word = (i: number): bigint => memory.read64(at + 8 * i);
    return [word(0), word(1), word(2), word(3)];
  }
}
