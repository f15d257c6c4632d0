import type { Caching } from '../cache/caching';
import { CD } from '../formats/context-descriptor';
import { COMMANDS, encodeCommand, type CommandName, type CommandWords } from '../formats/commands';
import { STE } from '../formats/ste';
import { PhysicalMemory } from '../memory/physical-memory';
import type { SmmuObserver } from '../observer';
import type { SmmuConfiguration } from '../registers/features';
import { Smmu } from '../smmu';
import type { Outcome, Transaction } from '../transaction';

/**
 * Both stages, VMSAv8-64, all granules, 44-bit addresses, terminate model, range invalidation, no
 * substreams.
 */
export const NESTED_IDR = [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74] as const;

/** The same with a SubstreamID size of 20 bits and two-level CD tables. */
export const SUBSTREAM_IDR = [0x0d4c101b, 0x02730510, 0, 0x1414, 0, 0x74] as const;

/** The same with hardware update of Access flag and dirty state. */
export const HTTU_IDR = [0x0d44109b, 0x02730010, 0, 0x1414, 0, 0x74] as const;

/** The same where faults may stall or terminate, with an abort or RAZ/WI: STALL_MODEL = 0. */
export const STALL_IDR = [0x0844101b, 0x02730010, 0, 0x1414, 0, 0x74] as const;

/** The same with RAZ/WI termination: IDR0.TERM_MODEL = 0. */
export const RAZ_WI_IDR = [0x0944101b, 0x02730010, 0, 0x1414, 0, 0x74] as const;

const RAM = { base: 0x4000_0000, size: 0x1_0000_0000 };
const STREAM_TABLE = 0x4000_0000;
const COMMAND_QUEUE = 0x4010_0000;
const EVENT_QUEUE = 0x4020_0000;
const FIRST_PAGE = 0x4100_0000;

/** Level-3 descriptor bits. */
export const PAGE = 0b11n;
export const AF = 1n << 10n;
export const NOT_GLOBAL = 1n << 11n;
export const AP_RW = 1n << 6n;
export const AP_RO = 3n << 6n;
export const S2_RW = 3n << 6n;
export const S2_RO = 1n << 6n;
export const S2_NORMAL = 0xfn << 2n;
/** A stage-1 page that everyone may read and write, tagged with its ASID. */
export const S1_PAGE = PAGE | AF | NOT_GLOBAL | AP_RW;
/** A stage-2 page of Normal memory, readable and writable. */
export const S2_PAGE = PAGE | AF | S2_RW | S2_NORMAL;
/** The same as a block. */
export const S1_BLOCK = S1_PAGE & ~2n;
export const S2_BLOCK = S2_PAGE & ~2n;

/** A 4K, four-level translation table in the machine's memory. */
export interface Table {
  readonly root: number;
}

/**
 * An SMMU on a bench, with memory, a linear stream table, both queues, and tables that tests build.
 */
export class Machine {
  readonly memory = new PhysicalMemory([RAM]);
  readonly smmu: Smmu;
  private nextPage = FIRST_PAGE;
  private producer = 0;

  constructor(
    idr: SmmuConfiguration['idr'] = NESTED_IDR,
    options: {
      observer?: SmmuObserver;
      eventqLog2?: number;
      aidr?: number;
      caching?: Caching;
    } = {},
  ) {
    const { observer = {}, eventqLog2 = 6, aidr = 1, caching } = options;
    this.smmu = new Smmu({ idr, iidr: 0, aidr }, this.memory, observer, caching);
    this.smmu.writeRegister('CR2', 2n);
    this.smmu.writeRegister('STRTAB_BASE', BigInt(STREAM_TABLE));
    this.smmu.writeRegister('STRTAB_BASE_CFG', 8n);
    this.smmu.writeRegister('CMDQ_BASE', BigInt(COMMAND_QUEUE) | 8n);
    this.smmu.writeRegister('EVENTQ_BASE', BigInt(EVENT_QUEUE) | BigInt(eventqLog2));
    this.smmu.writeRegister('CR0', 0xdn);
  }

  /** A fresh zeroed page. */
  page(count = 1): number {
    const page = this.nextPage;
    this.nextPage += count * 4096;
    return page;
  }

  writeWords(pa: number, words: readonly bigint[]): void {
    words.forEach((word, n) => this.memory.write64(pa + n * 8, word));
  }

  /** Address of a stream's STE. */
  steAddress(streamId: number): number {
    return STREAM_TABLE + streamId * 64;
  }

  writeSte(streamId: number, values: Parameters<typeof STE.encode>[0]): void {
    this.writeWords(this.steAddress(streamId), STE.encode({ V: 1n, ...values }));
  }

  /** A CD with TTB0 alone, 48-bit input and 44-bit output; `values` override. */
  writeCd(pa: number, values: Parameters<typeof CD.encode>[0]): void {
    const common = { V: 1n, AA64: 1n, T0SZ: 16n, EPD1: 1n, IPS: 4n, R: 1n, A: 1n };
    this.writeWords(pa, CD.encode({ ...common, ...values }));
  }

  table(): Table {
    return { root: this.page() };
  }

  /**
   * Maps one page (or a block at `level`) of a 4K table: `descriptor` holds attributes, the output
   * address is added. Intermediate tables are built as needed. @returns the address of the
   * descriptor.
   */
  map(table: Table, input: number, output: number, descriptor: bigint, level = 3): number {
    let at = table.root;
    for (let depth = 0; depth < level; depth++) {
      const entry = at + index(input, depth) * 8;
      if (this.memory.read64(entry) === 0n) {
        this.memory.write64(entry, BigInt(this.page()) | 3n);
      }
      at = Number(this.memory.read64(entry) & 0xffff_ffff_f000n);
    }
    const entry = at + index(input, level) * 8;
    this.memory.write64(entry, BigInt(output) | descriptor);
    return entry;
  }

  /** Addresses of the four descriptors that translate an input address, from the root on. */
  walk(table: Table, input: number): number[] {
    const entries = [table.root + index(input, 0) * 8];
    for (let level = 1; level <= 3; level++) {
      const next = Number(this.memory.read64(entries[level - 1]!) & 0xffff_ffff_f000n);
      entries.push(next + index(input, level) * 8);
    }
    return entries;
  }

  /**
   * Maps every page handed out so far at stage 2, IPA = PA, so that stage-1 tables and CDs can be
   * fetched.
   */
  mapOwnPages(table: Table): void {
    const end = this.nextPage;
    for (let page = FIRST_PAGE; page < end; page += 4096) this.map(table, page, page, S2_PAGE);
  }

  /** STE values of a stage 2 with 44 bits in and out, starting at level 0. */
  stage2(table: Table, vmid: bigint): Parameters<typeof STE.encode>[0] {
    return {
      S2VMID: vmid,
      S2T0SZ: 20n,
      S2SL0: 2n,
      S2PS: 4n,
      S2AA64: 1n,
      S2R: 1n,
      S2TTB: BigInt(table.root),
    };
  }

  submit(words: CommandWords): void {
    this.writeWords(COMMAND_QUEUE + (this.producer & 0xff) * 16, words);
    this.producer = (this.producer + 1) & 0x1ff;
    this.smmu.writeRegister('CMDQ_PROD', BigInt(this.producer));
  }

  command(name: CommandName, values: Readonly<Record<string, bigint>> = {}): void {
    this.submit(encodeCommand(name, values));
  }

  read(streamId: number, address: number | bigint, more: Partial<Transaction> = {}): Outcome {
    return this.smmu.access({ streamId, address: BigInt(address), write: false, ...more });
  }

  write(streamId: number, address: number | bigint, more: Partial<Transaction> = {}): Outcome {
    return this.smmu.access({ streamId, address: BigInt(address), write: true, ...more });
  }

  /** The record at an index of the event queue. */
  eventAt(at: number): bigint[] {
    return [0, 8, 16, 24].map((offset) => this.memory.read64(EVENT_QUEUE + at * 32 + offset));
  }
}

/** A command of any opcode, whether or not it exists. */
export function rawCommand(opcode: number): CommandWords {
  return [BigInt(opcode), 0n];
}

/** Every command name. */
export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

function index(address: number, level: number): number {
  return Math.floor(address / 2 ** (39 - level * 9)) % 512;
}

/** What a nested machine has beside the common. */
interface NestedFields {
  readonly idr?: SmmuConfiguration['idr'];
  readonly cdFields?: Parameters<typeof CD.encode>[0];
  readonly steFields?: Parameters<typeof STE.encode>[0];
}

/**
 * A machine with one nested stream (StreamID 0, VMID 1, ASID 1) whose VA maps to an IPA that maps
 * to a PA.
 */
export function nestedMachine(
  options: ConstructorParameters<typeof Machine>[1] & NestedFields = {},
): {
  machine: Machine;
  stage1: Table;
  stage2: Table;
  va: number;
  ipa: number;
  pa: number;
  s1Entry: number;
  s2Entry: number;
  cd: number;
} {
  const machine = new Machine(options.idr, options);
  const stage1 = machine.table();
  const stage2 = machine.table();
  const cd = machine.page();
  const [va, ipa, pa] = [0x1234_5000, 0x8000_0000, 0x5000_0000];
  const s1Entry = machine.map(stage1, va, ipa, S1_PAGE);
  machine.writeCd(cd, { TTB0: BigInt(stage1.root), ASID: 1n, ...options.cdFields });
  machine.mapOwnPages(stage2);
  const s2Entry = machine.map(stage2, ipa, pa, S2_PAGE);
  machine.writeSte(0, {
    Config: 7n,
    S1ContextPtr: BigInt(cd),
    ...machine.stage2(stage2, 1n),
    ...options.steFields,
  });
  return { machine, stage1, stage2, va, ipa, pa, s1Entry, s2Entry, cd };
}
