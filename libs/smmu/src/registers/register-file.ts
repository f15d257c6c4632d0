import { REGISTERS, type RegisterName } from '../formats/registers';
import type { SmmuConfiguration } from './features';
import { registerField, type RegisterField } from './register-field';

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

export const SMMUEN = registerField('CR0', 'SMMUEN');
export const EVENTQEN = registerField('CR0', 'EVENTQEN');
export const CMDQEN = registerField('CR0', 'CMDQEN');
const PRIQEN = registerField('CR0', 'PRIQEN');

/**
 * Registers that are read-only while an enable in CR0 is set (IHI 0070 §6.3, access conditions).
 */
const GUARDS: Partial<Record<RegisterName, RegisterField>> = {
  CR2: SMMUEN,
  STRTAB_BASE: SMMUEN,
  STRTAB_BASE_CFG: SMMUEN,
  CMDQ_BASE: CMDQEN,
  CMDQ_CONS: CMDQEN,
  EVENTQ_BASE: EVENTQEN,
  EVENTQ_PROD: EVENTQEN,
  PRIQ_BASE: PRIQEN,
  PRIQ_PROD: PRIQEN,
};

/** Bits of CR0 that this programming interface has. */
const CR0_BITS = REGISTERS.CR0.layout.mask(
  'SMMUEN',
  'PRIQEN',
  'EVENTQEN',
  'CMDQEN',
  'ATSCHK',
  'VMW',
)[0]!;
const UPDATE = REGISTERS.GBPA.layout.mask('UPDATE')[0]!;

/**
 * The registers' values, with their access rules. What a write sets in motion is the SMMU's
 * business.
 */
export class RegisterFile {
  /** Bits [31:0] and [63:32] of each register. */
  private readonly parts: Record<RegisterName, Uint32Array>;

  constructor(configuration: SmmuConfiguration) {
    const names = Object.keys(REGISTERS) as RegisterName[];
    this.parts = Object.fromEntries(names.map((name) => [name, new Uint32Array(2)])) as Record<
      RegisterName,
      Uint32Array
    >;
    configuration.idr.forEach((word, n) => {
      this.set(`IDR${n as 0 | 1 | 2 | 3 | 4 | 5}`, BigInt(word >>> 0));
    });
    this.set('IIDR', BigInt(configuration.iidr >>> 0));
    this.set('AIDR', BigInt(configuration.aidr >>> 0));
  }

  read(name: RegisterName): bigint {
    const parts = this.parts[name];
    return (BigInt(parts[1]!) << 32n) | BigInt(parts[0]!);
  }

  /** One field's value. */
  field(field: RegisterField): number {
    return field.read(this.parts[field.register]);
  }

  /** Sets a register as the hardware does, past all access rules. */
  set(name: RegisterName, value: bigint): void {
    this.parts[name][0] = Number(BigInt.asUintN(32, value));
    this.parts[name][1] = Number(BigInt.asUintN(32, value >> 32n));
  }

  /** Sets one field of the low 32 bits as the hardware does. */
  setField(field: RegisterField, value: number): void {
    const parts = this.parts[field.register];
    parts[0] = (parts[0]! & ~field.mask) | ((value << field.shift) & field.mask);
  }

  /**
   * A write by software. Writes to read-only registers, and to guarded ones while their enable is
   * set, are ignored.
   * @returns whether the write took effect.
   */
  write(name: RegisterName, value: bigint): boolean {
    const guard = GUARDS[name];
    if (READ_ONLY.has(name)) return false;
    if (guard !== undefined && this.field(guard) === 1) return false;
    const word = BigInt.asUintN(REGISTERS[name].width, value);
    switch (name) {
      case 'CR0':
        // Updates complete at once, so CR0ACK follows (IHI 0070 §6.3.9).
        this.set('CR0', word & CR0_BITS);
        this.set('CR0ACK', word & CR0_BITS);
        return true;
      case 'GBPA':
        // Only a write with UPDATE changes the register; it completes at once (IHI 0070 §6.3.14).
        if ((word & UPDATE) === 0n) return false;
        this.set(name, word & ~UPDATE);
        return true;
      case 'IRQ_CTRL':
        this.set('IRQ_CTRLACK', word);
        this.set(name, word);
        return true;
      default:
        this.set(name, word);
        return true;
    }
  }
}
