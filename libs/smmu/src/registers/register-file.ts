import { REGISTERS, type RegisterName } from '../formats/registers';
import type { SmmuConfiguration } from './features';

/** Bits of CR0 and CR0ACK that this programming interface has. */
const CR0 = REGISTERS.CR0.layout;
const ENABLES = ['SMMUEN', 'PRIQEN', 'EVENTQEN', 'CMDQEN', 'ATSCHK'] as const;

/** Registers that are read-only whatever the state. */
const READ_ONLY: ReadonlySet<RegisterName> = new Set([
  'IDR0',
  'IDR1',
  'IDR2',
  'IDR3',
  'IDR4',
  'IDR5',
  'IIDR',
  'AIDR',
  'CR0ACK',
  'STATUSR',
  'IRQ_CTRLACK',
  'GERROR',
]);

/** Registers that are read-only while an enable in CR0 is set (IHI 0070 §6.3, access conditions). */
const GUARDS: Partial<Record<RegisterName, (typeof ENABLES)[number]>> = {
  CR2: 'SMMUEN',
  STRTAB_BASE: 'SMMUEN',
  STRTAB_BASE_CFG: 'SMMUEN',
  CMDQ_BASE: 'CMDQEN',
  CMDQ_CONS: 'CMDQEN',
  EVENTQ_BASE: 'EVENTQEN',
  EVENTQ_PROD: 'EVENTQEN',
  PRIQ_BASE: 'PRIQEN',
  PRIQ_PROD: 'PRIQEN',
};

const UPDATE = REGISTERS.GBPA.layout.mask('UPDATE')[0]!;
const BITS_32 = 0xffff_ffffn;

/** The registers' values, with their access rules. What a write sets in motion is the SMMU's business. */
export class RegisterFile {
  private readonly values = new Map<RegisterName, bigint>();

  constructor(configuration: SmmuConfiguration) {
    configuration.idr.forEach((word, n) => {
      this.values.set(`IDR${n as 0 | 1 | 2 | 3 | 4 | 5}`, BigInt(word >>> 0));
    });
    this.values.set('IIDR', BigInt(configuration.iidr >>> 0));
    this.values.set('AIDR', BigInt(configuration.aidr >>> 0));
  }

  read(name: RegisterName): bigint {
    return this.values.get(name) ?? 0n;
  }

  /** One field's value. @throws RangeError for a field the register does not have. */
  field(name: RegisterName, field: string): number {
    return Number(REGISTERS[name].layout.get([this.read(name)], field));
  }

  /** Sets a register as the hardware does, past all access rules. */
  set(name: RegisterName, value: bigint): void {
    this.values.set(name, value);
  }

  /** Sets one field as the hardware does. */
  setField(name: RegisterName, field: string, value: number): void {
    const [word = 0n] = REGISTERS[name].layout.encode({ [field]: BigInt(value) }, [
      this.read(name),
    ]);
    this.values.set(name, word);
  }

  /**
   * A write by software. Writes to read-only registers, and to guarded ones while their enable is set, are ignored.
   * @returns whether the write took effect.
   */
  write(name: RegisterName, value: bigint): boolean {
    const guard = GUARDS[name];
    if (READ_ONLY.has(name)) return false;
    if (guard !== undefined && this.field('CR0', guard) === 1) return false;
    const word = REGISTERS[name].width === 32 ? value & BITS_32 : BigInt.asUintN(64, value);
    switch (name) {
      case 'CR0':
        return this.writeCr0(word);
      case 'GBPA':
        // Only a write with UPDATE set changes the register; it completes at once (IHI 0070 §6.3.14).
        if ((word & UPDATE) === 0n) return false;
        this.values.set(name, word & ~UPDATE);
        return true;
      case 'IRQ_CTRL':
        this.values.set('IRQ_CTRLACK', word);
        this.values.set(name, word);
        return true;
      default:
        this.values.set(name, word);
        return true;
    }
  }

  /** Updates of CR0 complete at once, so CR0ACK follows it (IHI 0070 §6.3.9). */
  private writeCr0(word: bigint): boolean {
    const [kept = 0n] = CR0.mask(...ENABLES, 'VMW');
    this.values.set('CR0', word & kept);
    this.values.set('CR0ACK', word & kept);
    return true;
  }
}
