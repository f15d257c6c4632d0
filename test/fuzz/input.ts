import {
  AtsDevice,
  PhysicalMemory,
  REGISTERS,
  Smmu,
  type Outcome,
  type RegisterName,
  type TranslationCompletion,
} from '@steward/smmu';
import type { Case } from '../second-reading/cases/case';
import { QUEUES } from '../second-reading/cases/physical';
import { Random } from '../second-reading/cases/random';
import { buildCase } from '../second-reading/cases/world';
import { malformed } from './event-form';

/** Reads of memory that one access may need: four levels, each through four of stage 2, CDs, STE, and slack. */
const READS_PER_ACCESS = 400;
/** Reads of memory that one register write may need: every entry of the queues, and what retries walk. */
const READS_PER_WRITE = 200_000;
const COMMANDS_LOG2 = 4;

class CountingMemory extends PhysicalMemory {
  reads = 0;

  override loadAt(high: number, low: number, into: { lo: number; hi: number }): boolean {
    this.reads++;
    return super.loadAt(high, low, into);
  }

  override readLo(pa: number): number {
    this.reads++;
    return super.readLo(pa);
  }
}

/** One SMMU of a seed, nearly in order, at which noise is thrown. */
export class FuzzedMachine {
  /** How often each outcome or command error was reached. */
  readonly reached = new Map<string, number>();
  private readonly random: Random;
  private readonly world: Case;
  private readonly places: readonly bigint[];
  private readonly memory: CountingMemory;
  private readonly smmu: Smmu;
  private readonly registers = Object.keys(REGISTERS) as RegisterName[];
  /** A device with an ATC, which CMD_ATC_INV reaches. */
  private readonly device: AtsDevice;
  private producer = 0;

  constructor(seed: number) {
    this.random = new Random(seed ^ 0x5eed);
    this.world = buildCase(seed);
    this.places = [...this.world.words.keys()].filter((pa) => this.within(Number(pa)));
    this.memory = new CountingMemory([QUEUES, ...this.world.regions]);
    for (const pa of this.places) this.memory.write64(Number(pa), this.world.words.get(pa)!);
    if (this.random.chance(30)) this.addNeighbour();
    this.smmu = new Smmu({ idr: this.world.idr, iidr: 0, aidr: 1 }, this.memory, {
      eventRecorded: (record) => this.check(record),
      commandError: (_words, error) => this.count(error),
    });
    this.device = new AtsDevice(this.smmu, this.world.steps[0]!.request.streamId);
    this.setUp();
  }

  /** A neighbour of the case's STE: a copy, mostly; some CONT in either may make one answer for both. */
  private addNeighbour(): void {
    const { random, memory } = this;
    const { ste, streamId } = this.world;
    const neighbour = ste + (streamId % 2 === 0 ? 64n : -64n);
    if (!this.within(Number(ste)) || !this.within(Number(neighbour))) return;
    for (let at = 0n; at < 64n; at += 8n) {
      let word = memory.read64(Number(ste + at));
      if (random.chance(10)) word ^= 1n << BigInt(random.below(64));
      const cont = at === 8n ? BigInt(random.below(4)) << 13n : 0n;
      memory.write64(Number(neighbour + at), word | cont);
      if (at === 8n) memory.write64(Number(ste + at), word | (random.bits(2) << 13n));
    }
  }

  private within(pa: number): boolean {
    return this.world.regions.some(({ base, size }) => pa >= base && pa < base + size);
  }

  /** Puts the registers in order, as at the start. */
  private setUp(): void {
    const { registers } = this.world;
    this.write('CR0', 0n);
    this.write('CMDQ_BASE', BigInt(QUEUES.base) | BigInt(COMMANDS_LOG2));
    this.write('EVENTQ_BASE', BigInt(QUEUES.base + 0x8_0000) | 4n);
    this.write('CMDQ_PROD', 0n);
    this.write('CMDQ_CONS', 0n);
    this.producer = 0;
    this.write('EVENTQ_PROD', 0n);
    this.write('EVENTQ_CONS', 0n);
    this.write('CR2', registers.CR2);
    this.write('GBPA', registers.GBPA | (1n << 31n));
    this.write('STRTAB_BASE', registers.STRTAB_BASE);
    this.write('STRTAB_BASE_CFG', registers.STRTAB_BASE_CFG);
    this.write('CR0', registers.CR0);
  }

  /** One input: some words of noise, some commands, perhaps a register, and what devices do then. */
  input(): void {
    const { random } = this;
    const noisy = random.chance(70) ? this.noise() : [];
    if (random.chance(30)) this.command();
    if (random.chance(6)) {
      this.write(random.pick(this.registers), random.bits(random.chance(50) ? 6 : 64));
    }
    this.access();
    if (random.chance(30)) this.access();
    if (random.chance(20)) this.accessByAts();
    for (const pa of noisy) this.memory.write64(Number(pa), this.world.words.get(pa)!);
    if (random.chance(4)) this.setUp();
  }

  /** Random words, or random bits, in the structures and tables. */
  private noise(): bigint[] {
    const { random } = this;
    const noisy: bigint[] = [];
    for (let n = 1 + random.below(3); n > 0; n--) {
      const pa = random.pick(this.places);
      const before = this.memory.read64(Number(pa));
      const word = random.chance(50) ? random.bits(64) : before ^ (1n << BigInt(random.below(64)));
      this.memory.write64(Number(pa), word);
      noisy.push(pa);
    }
    return noisy;
  }

  /** A command of random words; mostly with an opcode that exists. */
  private command(): void {
    const { random } = this;
    const opcodes = [1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x22, 0x23];
    const others = [0x28, 0x2a, 0x30, 0x40, 0x41, 0x44, 0x45, 0x46, 7, 0x70, 0x73];
    const opcode = random.chance(95) ? random.pick([...opcodes, ...others]) : random.below(256);
    const streamId = BigInt(this.world.steps[0]!.request.streamId) << 32n;
    const operands = random.chance(50) ? random.bits(64) : streamId | (random.bits(22) << 10n);
    const at = QUEUES.base + 16 * (this.producer % 2 ** COMMANDS_LOG2);
    this.memory.write64(at, (operands & ~0x3ffn) | BigInt(opcode));
    this.memory.write64(at + 8, random.chance(50) ? random.bits(64) : random.bits(16));
    this.producer = (this.producer + 1) % 2 ** (COMMANDS_LOG2 + 1);
    this.write('CMDQ_PROD', BigInt(this.producer));
    const [error, seen] = [this.smmu.readRegister('GERROR'), this.smmu.readRegister('GERRORN')];
    if (error !== seen && random.chance(70)) {
      this.write('CMDQ_PROD', this.smmu.readRegister('CMDQ_CONS') & 0xf_ffffn);
      this.producer = Number(this.smmu.readRegister('CMDQ_PROD')) % 2 ** (COMMANDS_LOG2 + 1);
      this.write('GERRORN', error);
    }
    if (random.chance(50)) this.write('EVENTQ_CONS', this.smmu.readRegister('EVENTQ_PROD'));
  }

  private write(name: RegisterName, value: bigint): void {
    this.memory.reads = 0;
    this.smmu.writeRegister(name, BigInt.asUintN(REGISTERS[name].width, value));
    this.bounded(READS_PER_WRITE, `a write of ${name}`);
  }

  private access(): void {
    const { random } = this;
    const { request } = random.pick(this.world.steps);
    const own = random.chance(75);
    const near = random.chance(80) ? request.streamId : request.streamId ^ 1;
    const streamId = random.chance(97) ? near : random.next();
    const transaction = {
      streamId,
      ...(request.substreamId === undefined ? {} : { substreamId: request.substreamId }),
      address: own ? request.address : random.bits(64),
      write: random.chance(50),
      privileged: random.chance(50),
      instruction: random.chance(30),
    };
    this.memory.reads = 0;
    const outcome = this.smmu.access(transaction);
    this.bounded(READS_PER_ACCESS, 'an access');
    this.checkOutcome(outcome, streamId);
  }

  /** A Translation Request, and the device's Translated transaction where it is granted. */
  private accessByAts(): void {
    const { random } = this;
    const { request } = random.pick(this.world.steps);
    this.memory.reads = 0;
    this.device.atc.answers = random.chance(90);
    const outcome = this.device.access({
      ...(request.substreamId === undefined ? {} : { substreamId: request.substreamId }),
      address: random.chance(75) ? request.address : random.bits(64),
      write: random.chance(50),
      privileged: random.chance(50),
      instruction: random.chance(30),
    });
    this.bounded(5 * READS_PER_ACCESS, 'an access by ATS');
    if (outcome.kind === 'denied') this.checkCompletion(outcome.completion);
    else this.checkOutcome(outcome, this.device.streamId);
  }

  private checkCompletion(completion: TranslationCompletion): void {
    this.count(`ATS ${completion.kind}`);
    if (completion.kind === 'success') {
      const { address, sizeLog2 } = completion;
      if (address < 0 || address >= 2 ** 52 || sizeLog2 < 12) throw new Error('completion');
    } else if (completion.kind !== 'no-access' && completion.event !== undefined) {
      this.check(completion.event);
    }
  }

  private checkOutcome(outcome: Outcome, streamId: number): void {
    if ('pa' in outcome) {
      if (!Number.isInteger(outcome.pa) || outcome.pa < 0 || outcome.pa >= 2 ** 52) {
        throw new Error(`physical address ${outcome.pa}`);
      }
      if ((outcome.kind === 'ok') !== this.memory.backed(outcome.pa)) {
        throw new Error(`${outcome.kind} at ${outcome.pa}`);
      }
      this.count(outcome.kind);
      return;
    }
    if (outcome.event === undefined) {
      this.count(outcome.kind);
      return;
    }
    this.check(outcome.event);
    if (outcome.event[0]! >> 32n !== BigInt(streamId)) throw new Error('record of another stream');
    const stalled = (outcome.event[1]! & (1n << 31n)) !== 0n;
    if (stalled !== (outcome.kind === 'stalled')) throw new Error('Stall without a stall');
    const number = (outcome.event[0]! & 0xffn).toString(16).padStart(2, '0');
    this.count(`${outcome.kind} 0x${number}`);
  }

  private check(record: readonly bigint[]): void {
    const problem = malformed(record);
    if (problem === undefined) return;
    throw new Error(`${problem}: ${record.map((word) => word.toString(16)).join(' ')}`);
  }

  private bounded(most: number, what: string): void {
    if (this.memory.reads > most) throw new Error(`${what} took ${this.memory.reads} reads`);
  }

  private count(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }
}
