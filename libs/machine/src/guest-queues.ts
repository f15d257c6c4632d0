import type { GuestRegister } from '@steward/domain';
import type { CommandWords } from '@steward/smmu';
import type { GuestMemory } from './guest-memory';

const COMMAND_BYTES = 16;
const EVENT_BYTES = 32;
const EVENT_WORDS = 4;
/** EVENTQ_PROD.OVFLG and EVENTQ_CONS.OVACKFLG (IHI 0070 §6.3.30, §6.3.31). */
const OVERFLOW = 1n << 31n;
/** CMDQ_CONS.ERR code and the GERROR bit of a stopped command queue (IHI 0070 §6.3.17, §6.3.28). */
const CERROR_ILL = 1n;
const CMDQ_ERR = 1n;

/** The queues and registers of one vSMMU, as its guest sees them: queues lie in guest RAM. */
export class GuestQueues {
  private readonly registers = new Map<GuestRegister, bigint>();

  constructor(private readonly memory: GuestMemory) {}

  read(register: GuestRegister): bigint {
    return this.registers.get(register) ?? 0n;
  }

  write(register: GuestRegister, value: bigint): void {
    this.registers.set(register, value);
  }

  /** The guest's driver stores commands at CMDQ_PROD and moves it on (IHI 0070 §3.5.2). */
  queueCommands(words: BigUint64Array): void {
    const { entries, base } = this.geometry('CMDQ_BASE', COMMAND_BYTES);
    let prod = Number(this.read('CMDQ_PROD')) % (2 * entries);
    for (let i = 0; i < words.length; i += 2) {
      const at = base + (prod % entries) * COMMAND_BYTES;
      this.memory.write(at, words[i] ?? 0n);
      this.memory.write(at + 8, words[i + 1] ?? 0n);
      prod = (prod + 1) % (2 * entries);
    }
    this.write('CMDQ_PROD', BigInt(prod));
  }

  /** The commands from CMDQ_CONS up to an index, which the guest is about to be told are done. */
  commandsUpTo(cons: number): CommandWords[] {
    const { entries, base } = this.geometry('CMDQ_BASE', COMMAND_BYTES);
    const commands: CommandWords[] = [];
    let at = Number(this.read('CMDQ_CONS')) % (2 * entries);
    for (
      ;
      at !== cons % (2 * entries) && commands.length < entries;
      at = (at + 1) % (2 * entries)
    ) {
      const entry = base + (at % entries) * COMMAND_BYTES;
      commands.push([this.memory.read(entry) ?? 0n, this.memory.read(entry + 8) ?? 0n]);
    }
    return commands;
  }

  /**
   * CMDQ_CONS follows. With an error it stays at the failing command with the error code in ERR, and
   * GERROR.CMDQ_ERR toggles unless it is active already (IHI 0070 §7.1, §7.5).
   */
  consume(cons: number, error?: 'CERROR_ILL'): void {
    if (error === undefined) return this.write('CMDQ_CONS', BigInt(cons));
    this.write('CMDQ_CONS', BigInt(cons) | (CERROR_ILL << 24n));
    const active = ((this.read('GERROR') ^ this.read('GERRORN')) & CMDQ_ERR) !== 0n;
    if (!active) this.write('GERROR', this.read('GERROR') ^ CMDQ_ERR);
  }

  /**
   * Puts a record into the guest's event queue. A full queue loses it and toggles OVFLG, unless an
   * overflow is pending already (IHI 0070 §7.4). Returns whether it was stored.
   */
  recordEvent(words: BigUint64Array): boolean {
    const { entries, base } = this.geometry('EVENTQ_BASE', EVENT_BYTES);
    const prod = this.read('EVENTQ_PROD');
    const cons = this.read('EVENTQ_CONS');
    const index = Number(prod & ~OVERFLOW) % (2 * entries);
    const consumed = Number(cons & ~OVERFLOW) % (2 * entries);
    if ((index - consumed + 2 * entries) % (2 * entries) === entries) {
      const pending = ((prod ^ cons) & OVERFLOW) !== 0n;
      if (!pending) this.write('EVENTQ_PROD', prod ^ OVERFLOW);
      return false;
    }
    const at = base + (index % entries) * EVENT_BYTES;
    for (let i = 0; i < EVENT_WORDS; i++) this.memory.write(at + 8 * i, words[i] ?? 0n);
    this.write('EVENTQ_PROD', (prod & OVERFLOW) | BigInt((index + 1) % (2 * entries)));
    return true;
  }

  /** Records the guest has not read yet, oldest first. */
  pendingEvents(): bigint[][] {
    const { entries, base } = this.geometry('EVENTQ_BASE', EVENT_BYTES);
    const span = 2 * entries;
    const prod = Number(this.read('EVENTQ_PROD') & ~OVERFLOW) % span;
    const records: bigint[][] = [];
    for (
      let at = Number(this.read('EVENTQ_CONS') & ~OVERFLOW) % span;
      at !== prod;
      at = (at + 1) % span
    ) {
      const entry = base + (at % entries) * EVENT_BYTES;
      records.push([0, 8, 16, 24].map((offset) => this.memory.read(entry + offset) ?? 0n));
    }
    return records;
  }

  /** LOG2SIZE is bits [4:0] of a base register; the address is aligned to the queue (§6.3.26, §6.3.29). */
  private geometry(register: 'CMDQ_BASE' | 'EVENTQ_BASE', entryBytes: number) {
    const value = this.read(register);
    const entries = 2 ** Number(value & 0x1fn);
    const size = Math.max(32, entries * entryBytes);
    const address = Number(value & 0x000f_ffff_ffff_ffe0n);
    return { entries, base: address - (address % size) };
  }
}
