import { COMMANDS, type CommandName } from '../formats/commands';
import { fieldNumber, type Parts } from '../formats/field-reader';
import type { AddressFields } from './named-addresses';

/** The fields of any command as numbers; fields a command does not have read as 0. */
export interface CommandFields extends AddressFields {
  readonly SSec: number;
  readonly StreamID: number;
  readonly SubstreamID: number;
  readonly Range: number;
  readonly VMID: number;
  readonly ASID: number;
  readonly Resp: number;
  readonly SSV: number;
  readonly Global: number;
  readonly Size: number;
  readonly Ac: number;
  readonly Ab: number;
  readonly STAG: number;
  readonly CS: number;
  readonly MSIData: number;
  readonly MSIAddress: number;
}

const NO_FIELDS: CommandFields = {
  SSec: 0,
  StreamID: 0,
  SubstreamID: 0,
  Leaf: 0,
  Range: 0,
  VMID: 0,
  ASID: 0,
  Resp: 0,
  SSV: 0,
  Global: 0,
  Size: 0,
  Ac: 0,
  Ab: 0,
  STAG: 0,
  CS: 0,
  MSIData: 0,
  MSIAddress: 0,
  Address: 0,
  NUM: 0,
  SCALE: 0,
  TG: 0,
  TTL: 0,
};
const FIELD_NAMES = Object.keys(NO_FIELDS) as (keyof CommandFields)[];

type FieldReader = readonly [name: keyof CommandFields, read: (parts: Parts) => number];

/** The readers of each command's fields, compiled from the command formats. */
const READERS = Object.fromEntries(
  (Object.keys(COMMANDS) as CommandName[]).map((name) => [name, readersOf(name)]),
) as unknown as Record<CommandName, readonly FieldReader[]>;

function readersOf(name: CommandName): FieldReader[] {
  const { layout } = COMMANDS[name];
  return FIELD_NAMES.filter((field) => field in layout.fields).map(
    (field) => [field, fieldNumber(layout, field)] as const,
  );
}

/** Reads a command of four 32-bit parts. */
export function readCommand(name: CommandName, parts: Parts): CommandFields {
  const fields: { -readonly [K in keyof CommandFields]: number } = { ...NO_FIELDS };
  for (const [field, read] of READERS[name]) fields[field] = read(parts);
  return fields;
}
