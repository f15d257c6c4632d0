import {
  PhysicalMemory,
  REGISTERS,
  Smmu,
  type Outcome,
  type RegisterName,
  type SmmuConfiguration,
} from '@steward/smmu';
import type { Vector } from './vector-format';

const GBPA_UPDATE = REGISTERS.GBPA.layout.mask('UPDATE')[0]!;
const CMDQ_ERR = REGISTERS.GERROR.layout.mask('CMDQ_ERR')[0]!;
const CONS_ERR = REGISTERS.CMDQ_CONS.layout.mask('ERR')[0]!;

/**
 * One SMMU on the bench: built from a vector, driven and read as software and a client device
 * would.
 */
export class Bench {
  private readonly memory: PhysicalMemory;
  private readonly smmu: Smmu;

  constructor(vector: Vector) {
    this.memory = new PhysicalMemory(
      vector.config.ram.map(([base, size]) => ({ base: Number(base), size: Number(size) })),
    );
    for (const [address, bytes] of vector.mem) {
      // An image may reach outside RAM; nothing answers there, so nothing is kept.
      if (this.memory.backed(Number(address))) this.store(Number(address), bytes);
    }
    const idr = vector.config.idr.map(Number) as unknown as SmmuConfiguration['idr'];
    const { iidr, aidr } = vector.config;
    const identification = { idr, iidr: Number(iidr), aidr: Number(aidr) };
    // The implementation that the vectors were recorded from keeps no table descriptors, and takes
    // no hint from STE.CONT.
    const caching = { mode: 'adversarial', walkCaches: false, contiguousHints: false } as const;
    this.smmu = new Smmu(identification, this.memory, {}, caching);
    const { cr0 = '0x0', ...others } = vector.regs;
    for (const [name, value] of Object.entries(others)) this.program(name, BigInt(value));
    this.program('cr0', BigInt(cr0));
  }

  /** Writes bytes, given as hex digit pairs in increasing address order. */
  store(address: number, bytes: string): void {
    for (let n = 0; n < bytes.length / 2; n++) {
      const at = address + n;
      const word = at - (at % 8);
      const shift = BigInt((at % 8) * 8);
      const value = BigInt(`0x${bytes.slice(n * 2, n * 2 + 2)}`) << shift;
      this.memory.write64(word, (this.memory.read64(word) & ~(0xffn << shift)) | value);
    }
  }

  /** Reads bytes as hex digit pairs. */
  load(address: number, length: number): string {
    let bytes = '';
    for (let at = address; at < address + length; at++) {
      const word = this.memory.read64(at - (at % 8));
      bytes += ((word >> BigInt((at % 8) * 8)) & 0xffn).toString(16).padStart(2, '0');
    }
    return bytes;
  }

  access(streamId: number, address: bigint, write: boolean): Outcome {
    return this.smmu.access({ streamId, address, write });
  }

  program(name: string, value: bigint): void {
    const register = registerName(name);
    this.smmu.writeRegister(register, register === 'GBPA' ? value | GBPA_UPDATE : value);
  }

  read(name: string): bigint {
    return this.smmu.readRegister(registerName(name));
  }

  /** The bits of CMDQ_CONS that mean something: ERR does only while a command error is active. */
  consumerMask(): bigint {
    const active = this.read('gerror') ^ this.read('gerrorn');
    return (active & CMDQ_ERR) === 0n ? ~CONS_ERR : -1n;
  }

  /** Puts one command at the queue's producer index and advances it. */
  submit(words: readonly [bigint, bigint]): void {
    const { base, log2Size } = this.queue('CMDQ_BASE', 16);
    const producer = Number(this.read('cmdq_prod'));
    const slot = base + (producer & (2 ** log2Size - 1)) * 16;
    if (this.memory.backed(slot)) {
      this.memory.write64(slot, words[0]);
      this.memory.write64(slot + 8, words[1]);
    }
    this.program('cmdq_prod', BigInt((producer + 1) & (2 ** (log2Size + 1) - 1)));
  }

  /** Takes every new record out of the event queue. */
  drain(): bigint[][] {
    const { base, log2Size } = this.queue('EVENTQ_BASE', 32);
    const indexMask = 2 ** (log2Size + 1) - 1;
    const producer = this.read('eventq_prod');
    const records: bigint[][] = [];
    let consumer = Number(this.read('eventq_cons')) & indexMask;
    while (consumer !== (Number(producer & 0xf_ffffn) & indexMask)) {
      const slot = base + (consumer & (2 ** log2Size - 1)) * 32;
      records.push([0, 8, 16, 24].map((offset) => this.memory.read64(slot + offset)));
      consumer = (consumer + 1) & indexMask;
    }
    this.program('eventq_cons', producer);
    return records;
  }

  private queue(
    register: 'CMDQ_BASE' | 'EVENTQ_BASE',
    entry: number,
  ): { base: number; log2Size: number } {
    const { layout } = REGISTERS[register];
    const words = [this.smmu.readRegister(register)];
    const log2Size = Number(layout.get(words, 'LOG2SIZE'));
    const base = Number(layout.get(words, 'ADDR'));
    return { base: base - (base % Math.max(32, entry * 2 ** log2Size)), log2Size };
  }
}

function registerName(name: string): RegisterName {
  const upper = name.toUpperCase();
  if (!(upper in REGISTERS)) throw new RangeError(`no register ${name}`);
  return upper as RegisterName;
}
