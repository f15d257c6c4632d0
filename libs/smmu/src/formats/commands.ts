import { address, bit, bits, layout, type Field, type Layout } from './layout';

/** A command as it lies in the command queue: two little-endian 64-bit words (IHI 0070 §4.1.1). */
export type CommandWords = readonly [bigint, bigint];

/** One entry of the command set. */
export interface CommandFormat {
  /** Bits [7:0] of the command. */
  readonly opcode: number;
  readonly layout: Layout<Record<string, Field>>;
  /** Section of IHI 0070 that describes it. */
  readonly section: string;
}

const opcode = { Opcode: bits(7, 0) };
const stream = { SSec: bit(10), StreamID: bits(63, 32) };
const substream = { SSV: bit(11), SubstreamID: bits(31, 12) };
const vmid = { VMID: bits(47, 32) };
const asid = { ASID: bits(63, 48) };
const range = { NUM: bits(16, 12), SCALE: bits(25, 20) };
const leaf = { Leaf: bit(64) };
const hint = {
  TTL128: bit(71),
  TTL: bits(73, 72),
  TG: bits(75, 74, { ANY: 0n, '4K': 1n, '16K': 2n, '64K': 3n }),
};
const virtual = { ...range, ...leaf, ...hint, Address: address(127, 76, 12) };
const intermediate = { ...range, ...leaf, ...hint, Address: address(119, 76, 12) };

function command(
  name: string,
  number: number,
  section: string,
  fields: Record<string, Field> = {},
): CommandFormat {
  return { opcode: number, layout: layout(`CMD_${name}`, 128, { ...opcode, ...fields }), section };
}

/**
 * The command set of the Non-secure command queue, by name without the `CMD_` prefix (IHI 0070
 * §4.1.1).
 */
export const COMMANDS = {
  PREFETCH_CONFIG: command('PREFETCH_CONFIG', 0x01, '§4.2.1', {
    ...stream,
    ...substream,
    Size: bits(68, 64),
  }),
  PREFETCH_ADDR: command('PREFETCH_ADDR', 0x02, '§4.2.2', {
    NS: bit(9),
    ...stream,
    ...substream,
    Size: bits(68, 64),
    Stride: bits(73, 69),
    Address: address(127, 76, 12),
  }),
  CFGI_STE: command('CFGI_STE', 0x03, '§4.3.1', { ...stream, ...leaf }),
  CFGI_STE_RANGE: command('CFGI_STE_RANGE', 0x04, '§4.3.2', {
    ...stream,
    Range: bits(68, 64, { ALL: 31n }),
  }),
  CFGI_CD: command('CFGI_CD', 0x05, '§4.3.3', {
    ...stream,
    SubstreamID: bits(31, 12),
    ...leaf,
  }),
  CFGI_CD_ALL: command('CFGI_CD_ALL', 0x06, '§4.3.4', { ...stream }),
  CFGI_VMS_PIDM: command('CFGI_VMS_PIDM', 0x07, '§4.3.5', { SSec: bit(10), ...vmid }),
  TLBI_NH_ALL: command('TLBI_NH_ALL', 0x10, '§4.4.2.1', { ...vmid }),
  TLBI_NH_ASID: command('TLBI_NH_ASID', 0x11, '§4.4.2.2', { ...vmid, ...asid }),
  TLBI_NH_VA: command('TLBI_NH_VA', 0x12, '§4.4.2.4', { ...vmid, ...asid, ...virtual }),
  TLBI_NH_VAA: command('TLBI_NH_VAA', 0x13, '§4.4.2.3', { ...vmid, ...virtual }),
  TLBI_EL3_ALL: command('TLBI_EL3_ALL', 0x18, '§4.4.2.5'),
  TLBI_EL3_VA: command('TLBI_EL3_VA', 0x1a, '§4.4.2.6', { ...virtual }),
  TLBI_EL2_ALL: command('TLBI_EL2_ALL', 0x20, '§4.4.2.7'),
  TLBI_EL2_ASID: command('TLBI_EL2_ASID', 0x21, '§4.4.2.10', { ...asid }),
  TLBI_EL2_VA: command('TLBI_EL2_VA', 0x22, '§4.4.2.8', { ...asid, ...virtual }),
  TLBI_EL2_VAA: command('TLBI_EL2_VAA', 0x23, '§4.4.2.9', { ...virtual }),
  TLBI_S12_VMALL: command('TLBI_S12_VMALL', 0x28, '§4.4.3.2', { ...vmid }),
  TLBI_S2_IPA: command('TLBI_S2_IPA', 0x2a, '§4.4.3.1', { ...vmid, ...intermediate }),
  TLBI_NSNH_ALL: command('TLBI_NSNH_ALL', 0x30, '§4.4.4.1'),
  ATC_INV: command('ATC_INV', 0x40, '§4.5.1', {
    Global: bit(9),
    ...stream,
    ...substream,
    Size: bits(69, 64),
    Address: address(127, 76, 12),
  }),
  PRI_RESP: command('PRI_RESP', 0x41, '§4.5.2', {
    ...stream,
    ...substream,
    PRGIndex: bits(72, 64),
    Resp: bits(77, 76, { RESPONSE_FAILURE: 0n, INVALID_REQUEST: 1n, SUCCESS: 2n }),
  }),
  RESUME: command('RESUME', 0x44, '§4.7.1', {
    ...stream,
    Ac: bit(12),
    Ab: bit(13),
    STAG: bits(79, 64),
  }),
  STALL_TERM: command('STALL_TERM', 0x45, '§4.7.2', { ...stream }),
  SYNC: command('SYNC', 0x46, '§4.7.3', {
    CS: bits(13, 12, { SIG_NONE: 0n, SIG_IRQ: 1n, SIG_SEV: 2n }),
    MSH: bits(23, 22, { NSH: 0n, OSH: 2n, ISH: 3n }),
    MSIAttr: bits(27, 24),
    MSIData: bits(63, 32),
    MSIAddress: address(119, 66, 2),
  }),
  DPTI_ALL: command('DPTI_ALL', 0x70, '§4.6.1'),
  DPTI_PA: command('DPTI_PA', 0x73, '§4.6.2', { Leaf: bit(64) }),
} as const satisfies Record<string, CommandFormat>;

/** Name of a command, without its `CMD_` prefix. */
export type CommandName = keyof typeof COMMANDS;

const byOpcode: readonly (CommandName | undefined)[] = nameByOpcode();

function nameByOpcode(): (CommandName | undefined)[] {
  const names = new Array<CommandName | undefined>(256).fill(undefined);
  for (const name of Object.keys(COMMANDS) as CommandName[]) names[COMMANDS[name].opcode] = name;
  return names;
}

/** Bits [7:0] of a command. */
export function opcodeOf(words: CommandWords): number {
  return Number(words[0] & 0xffn);
}

/** The command of an opcode, 0 to 255; undefined as for `commandName`. */
export function commandOfOpcode(opcode: number): CommandName | undefined {
  return byOpcode[opcode];
}

/**
 * The command's name, or undefined for an opcode that is reserved, Secure-only or IMPLEMENTATION
 * DEFINED.
 */
export function commandName(words: CommandWords): CommandName | undefined {
  return byOpcode[opcodeOf(words)];
}

/** Each command with no field set but the opcode. */
const opcodeAlone = Object.fromEntries(
  Object.entries(COMMANDS).map(([name, format]) => [name, [BigInt(format.opcode), 0n]]),
) as unknown as Readonly<Record<CommandName, CommandWords>>;

/**
 * The two words of a command; the opcode is filled in, fields not given are zero.
 * @throws RangeError when a field does not exist in this command or a value does not fit it.
 */
export function encodeCommand(
  name: CommandName,
  values: Readonly<Record<string, bigint>> = {},
): CommandWords {
  const format: CommandFormat = COMMANDS[name];
  const [first = 0n, second = 0n] = format.layout.encode(values, opcodeAlone[name]);
  return [first, second];
}
