import { fieldNumber, type Parts } from '../formats/field-reader';
import type { Field } from '../formats/layout';
import { REGISTERS, type RegisterFormat, type RegisterName } from '../formats/registers';

/** One field of one register, compiled from its declaration. */
export interface RegisterField {
  readonly register: RegisterName;
  readonly read: (parts: Parts) => number;
  /** Bits of the field in the register's low 32 bits; 0 for a field that reaches beyond. */
  readonly mask: number;
  readonly shift: number;
}

/** Compiles a field. @throws RangeError for a field that the register does not have. */
export function registerField(register: RegisterName, name: string): RegisterField {
  const format: RegisterFormat = REGISTERS[register];
  const field: Field | undefined = format.layout.fields[name];
  if (field === undefined) throw new RangeError(`${format.layout.name} has no field ${name}`);
  const mask = Number((format.layout.mask(name)[0] ?? 0n) & 0xffff_ffffn);
  return {
    register,
    read: fieldNumber(format.layout, name),
    mask: field.hi < 32 ? mask : 0,
    shift: field.lo,
  };
}
