import {
  CD,
  encodeCommand,
  PhysicalMemory,
  S1_LEAF_DESCRIPTOR,
  S2_LEAF_DESCRIPTOR,
  Smmu,
  STE,
  TABLE_DESCRIPTOR,
  type CommandName,
  type SmmuConfiguration,
} from '@steward/smmu';

/** Both stages, 4K pages, 44-bit addresses, 2^20 StreamIDs, 16-bit ASIDs and VMIDs, range invalidation. */
const IDR: SmmuConfiguration['idr'] = [0x0d44101b, 0x02730014, 0, 0x1414, 0, 0x74];
const RAM = { base: 0x4000_0000, size: 2 ** 40 };
const STREAM_TABLE = 0x4000_0000;
const COMMAND_QUEUE = 0x5000_0000;
const COMMANDS_LOG2 = 14;
const FIRST_PAGE = 0x5100_0000;
const PAGE = 4096;

type Values<L extends { encode: (values: never) => unknown }> = Parameters<L['encode']>[0];

const leafWord = (words: readonly bigint[]): bigint => words[0]!;
/** A stage-1 page for everyone, tagged with its ASID. */
const S1_PAGE = leafWord(
  S1_LEAF_DESCRIPTOR.encode({ Valid: 1n, Type: 1n, AF: 1n, nG: 1n, AP: 1n }),
);
/** A stage-2 page of Normal memory, readable and writable. */
const S2_PAGE = leafWord(
  S2_LEAF_DESCRIPTOR.encode({ Valid: 1n, Type: 1n, AF: 1n, S2AP: 3n, MemAttr: 0xfn }),
);
const TABLE = leafWord(TABLE_DESCRIPTOR.encode({ Valid: 1n, Type: 1n }));

/** An SMMU with memory, stream table and command queue, and four-level 4K tables to walk. */
export class Rig {
  readonly memory = new PhysicalMemory([RAM]);
  readonly smmu = new Smmu({ idr: IDR, iidr: 0, aidr: 1 }, this.memory);
  private nextPage = FIRST_PAGE;
  private producer = 0;

  constructor() {
    this.smmu.writeRegister('STRTAB_BASE', BigInt(STREAM_TABLE));
    this.smmu.writeRegister('STRTAB_BASE_CFG', 20n);
    this.smmu.writeRegister('CMDQ_BASE', BigInt(COMMAND_QUEUE + COMMANDS_LOG2));
    this.smmu.writeRegister('CR0', 0x9n);
  }

  /** A fresh page, zeroed. */
  page(): number {
    const page = this.nextPage;
    this.nextPage += PAGE;
    return page;
  }

  /** The pages handed out so far: first and end. */
  pagesUsed(): { readonly first: number; readonly end: number } {
    return { first: FIRST_PAGE, end: this.nextPage };
  }

  ste(streamId: number, values: Values<typeof STE>): void {
    this.write(STREAM_TABLE + streamId * 64, STE.encode({ V: 1n, ...values }));
  }

  /** A CD with one half of 48 bits. */
  cd(at: number, table: number, asid: number): void {
    const fields = { V: 1n, AA64: 1n, T0SZ: 16n, EPD1: 1n, IPS: 4n, R: 1n, A: 1n };
    this.write(at, CD.encode({ ...fields, TTB0: BigInt(table), ASID: BigInt(asid) }));
  }

  /** STE fields of a stage 2 with 44 bits, walked from level 0. */
  stage2(table: number): Values<typeof STE> {
    const geometry = { S2T0SZ: 20n, S2SL0: 2n, S2PS: 4n, S2AA64: 1n, S2R: 1n };
    return { ...geometry, S2TTB: BigInt(table) };
  }

  mapStage1(table: number, va: number, output: number): void {
    this.map(table, va, BigInt(output) | S1_PAGE);
  }

  mapStage2(table: number, ipa: number, output: number): void {
    this.map(table, ipa, BigInt(output) | S2_PAGE);
  }

  /** Puts a command into the queue; it waits for `run`. The queue has room for 2^14. */
  enqueue(name: CommandName, values: Readonly<Record<string, bigint>> = {}): void {
    const slot = this.producer & (2 ** COMMANDS_LOG2 - 1);
    this.write(COMMAND_QUEUE + slot * 16, encodeCommand(name, values));
    this.producer = (this.producer + 1) & (2 ** (COMMANDS_LOG2 + 1) - 1);
  }

  /** Lets the SMMU consume what was enqueued. */
  run(): void {
    this.smmu.writeRegister('CMDQ_PROD', BigInt(this.producer));
  }

  private map(table: number, input: number, leaf: bigint): void {
    let at = table;
    for (let level = 0; level < 3; level++) {
      const entry = at + tableIndex(input, level) * 8;
      let word = this.memory.read64(entry);
      if (word === 0n) this.memory.write64(entry, (word = BigInt(this.page()) | TABLE));
      at = Number(word & 0xffff_ffff_f000n);
    }
    this.memory.write64(at + tableIndex(input, 3) * 8, leaf);
  }

  private write(at: number, words: readonly bigint[]): void {
    words.forEach((word, n) => this.memory.write64(at + n * 8, word));
  }
}

function tableIndex(input: number, level: number): number {
  return Math.floor(input / 2 ** (39 - level * 9)) % 512;
}
