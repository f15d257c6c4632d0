import { REGISTERS, type CommandWords, type RegisterName } from '@steward/smmu';
import type { Expectation } from '@steward/guest';
import { readCommands, shownCommand } from './command-text';
import type { RecordedPhase, RecordedQueue } from './cmdq';
import type { TraceLine } from './events';
import type { ParsedTrace } from './lines';
import type { CdMoment, Moment } from './moments';
import { CmdqError, TraceError } from './trace-error';

/**
 * The trace as a sequence of moments, with the raw commands of `queue` in the place of the printed ones. Without a
 * queue the commands are what the text shows of them, and there are no phase ends.
 * @throws TraceError, CmdqError when the two do not belong together or one of them is truncated.
 */
export function buildTimeline(trace: ParsedTrace, queue?: RecordedQueue): Moment[] {
  const builder = new TimelineBuilder(trace, queue);
  for (const line of trace.lines) builder.add(line);
  return builder.finish();
}

class TimelineBuilder {
  private readonly moments: Moment[] = [];
  private readonly commands: readonly CommandWords[];
  private readonly phases: readonly RecordedPhase[];
  private phaseIndex = 0;
  private commandIndex = 0;
  private pending: CommandWords[] = [];
  private queueEnabled = false;
  private vsid = 0;
  private cdAddress = 0;
  private lastCd: CdMoment | undefined;
  /** The TLB lookup whose walk has not begun. */
  private lookedUp: { readonly vmid: number } | undefined;

  constructor(
    private readonly trace: ParsedTrace,
    queue: RecordedQueue | undefined,
  ) {
    this.commands = queue?.commands ?? readCommands(trace.lines).map(shownCommand);
    this.phases = queue?.phases ?? [];
    const last = this.phases.at(-1);
    if (last !== undefined && trace.total < last.lastLine) {
      throw new TraceError(
        trace.total + 1,
        `the trace ends here, but phase ${last.name} lasts until line ${last.lastLine}; it is truncated`,
      );
    }
  }

  add(line: TraceLine): void {
    this.endPhasesBefore(line.line);
    switch (line.event) {
      case 'smmuv3_cmdq_opcode':
        return this.addCommand(line.line);
      case 'smmuv3_write_mmio':
        return this.addRegister(line.line, line.fields.addr, line.fields.val);
      case 'smmuv3_config_cache_hit':
      case 'smmuv3_config_cache_miss':
      case 'smmuv3_find_ste':
        this.vsid = line.fields.sid;
        return;
      case 'smmuv3_find_ste_2lvl': {
        const { l1, l2, maxIndex } = line.fields;
        aligned(line.line, 'l2ptr', l2, 64);
        const span = BigInt(Math.round(Math.log2(maxIndex + 1)));
        this.push({ kind: 'stream-table', line: line.line, vsid: this.vsid, l1, l2, span });
        return;
      }
      case 'smmuv3_get_cd':
        this.cdAddress = aligned(line.line, 'CD addr', line.fields.addr, 64);
        return;
      case 'smmuv3_decode_cd_tt':
        if (line.fields.half === 0) this.addCd(line.line, line.fields.ttb, line.fields.tsz);
        return;
      case 'smmu_iotlb_lookup_hit':
      case 'smmu_iotlb_lookup_miss':
        this.lookedUp = line.fields;
        return this.addAsid(line.fields.asid);
      case 'smmu_ptw_level':
        return this.addStage2Base(line.line, line.fields);
      case 'smmu_get_pte':
        this.push({
          kind: 'table-word',
          line: line.line,
          ipa: aligned(line.line, 'pteaddr', line.fields.addr, 8),
          word: line.fields.pte,
        });
        return;
      default:
        return this.addAccess(line);
    }
  }

  finish(): Moment[] {
    this.endPhasesBefore(Infinity);
    this.flush(this.trace.total);
    if (this.commandIndex < this.commands.length) {
      throw new TraceError(
        this.trace.total + 1,
        `the trace ends after ${this.commandIndex} commands, the queue holds ${this.commands.length}; it is truncated`,
      );
    }
    return this.moments;
  }

  private addCommand(line: number): void {
    const words = this.commands[this.commandIndex];
    if (words === undefined) {
      throw new TraceError(
        line,
        `the trace shows command ${this.commandIndex}, the queue holds only ${this.commands.length}`,
      );
    }
    this.commandIndex += 1;
    this.pending.push(words);
  }

  private addRegister(line: number, address: number, value: bigint): void {
    const name = REGISTER_NAMES.get(address & PAGE_OFFSET);
    if (name === undefined) {
      throw new TraceError(line, `0x${address.toString(16)} is not the address of a register`);
    }
    // The commands of a CMDQ_PROD update are printed before the update itself, and stand for it. A write that
    // hands over none still counts while the queue is off: it sets the queue's pointer.
    if (name !== 'CMDQ_PROD' || (this.pending.length === 0 && !this.queueEnabled)) {
      this.moments.push({ kind: 'register', line, name, value });
    }
    if (name === 'CR0') this.queueEnabled = (value & CMDQEN) !== 0n;
    this.flush(line);
  }

  private addCd(line: number, ttb0: number, t0sz: number): void {
    aligned(line, 'ttb', ttb0, 16);
    if (t0sz < 0 || t0sz > 63) throw new TraceError(line, `tsz ${t0sz} is not within 0 to 63`);
    const cd: CdMoment = { kind: 'cd', line, vsid: this.vsid, cd: this.cdAddress, ttb0, t0sz };
    this.lastCd = cd;
    this.push(cd);
  }

  /** The TLB lookup that follows a CD fetch is made with the CD's ASID (16 bits). */
  private addAsid(asid: number): void {
    if (this.lastCd !== undefined && asid >= 0 && asid <= 0xffff) this.lastCd.asid = asid;
    this.lastCd = undefined;
  }

  /** The first level of a walk that has stage 2 alone reads the table that STE.S2TTB points to. */
  private addStage2Base(line: number, fields: { stage: number; base: number }): void {
    const { lookedUp } = this;
    this.lookedUp = undefined;
    if (lookedUp === undefined || fields.stage !== 2) return;
    const ttb = aligned(line, 'baseaddr', fields.base, 16);
    this.push({ kind: 'stage2-table', line, vsid: this.vsid, ttb, vmid: lookedUp.vmid });
  }

  private addAccess(line: TraceLine): void {
    if (line.event === 'smmuv3_translate_success') {
      const { sid, iova, ipa, perm, stage } = line.fields;
      // The trace has no direction: a translation is played as a read, unless only writes are allowed (S2AP = 0b10).
      const write = (perm & 3) === 2;
      const expect: Expectation = {
        kind: 'ok',
        ipa,
        readable: (perm & 1) !== 0,
        writable: (perm & 2) !== 0,
      };
      const by = stage === 2 ? 's2' : 's1';
      this.push({ kind: 'dma', line: line.line, vsid: sid, iova, write, expect, by });
    } else if (line.event === 'smmuv3_translate_bypass') {
      const { sid, iova, write } = line.fields;
      const expect: Expectation = {
        kind: 'ok',
        ipa: safeAddress(line.line, iova),
        readable: true,
        writable: true,
      };
      this.push({
        kind: 'dma',
        line: line.line,
        vsid: sid,
        iova,
        write: write !== 0,
        expect,
        by: 'bypass',
      });
    } else if (line.event === 'smmuv3_translate_abort') {
      const { sid, iova, write } = line.fields;
      this.push({
        kind: 'dma',
        line: line.line,
        vsid: sid,
        iova,
        write: write !== 0,
        expect: { kind: 'abort' },
        by: 'abort',
      });
    }
  }

  /** Commands come first: a walk or an access that is printed after them also happened after them. */
  private push(moment: Moment): void {
    this.flush(moment.line);
    this.moments.push(moment);
  }

  private flush(line: number): void {
    if (this.pending.length === 0) return;
    this.moments.push({ kind: 'commands', line, words: this.pending });
    this.pending = [];
  }

  private endPhasesBefore(line: number): void {
    for (;;) {
      const phase = this.phases[this.phaseIndex];
      if (phase === undefined || line <= phase.lastLine) return;
      if (this.commandIndex !== phase.commandsEnd) {
        throw new CmdqError(
          `phases[${this.phaseIndex}].cmdq_index`,
          `expected ${this.commandIndex} commands before the end of ${phase.name}, as the trace shows, not ${phase.commandsEnd}`,
        );
      }
      this.push({ kind: 'phase-end', line: phase.lastLine, phase });
      this.phaseIndex += 1;
    }
  }
}

function aligned(line: number, what: string, address: number, to: number): number {
  if (address % to === 0) return address;
  throw new TraceError(line, `${what} 0x${address.toString(16)} is not a multiple of ${to}`);
}

function safeAddress(line: number, address: bigint): number {
  if (address <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(address);
  throw new TraceError(line, `address 0x${address.toString(16)} is not below 2^53`);
}

/** CR0.CMDQEN (IHI 0070 §6.3.9). */
const CMDQEN = 0b1000n;

/** QEMU prints page 1 registers at their page 0 alias. */
const PAGE_OFFSET = 0xffff;

const REGISTER_NAMES: ReadonlyMap<number, RegisterName> = new Map(
  (Object.keys(REGISTERS) as RegisterName[]).map((name) => [
    REGISTERS[name].offset & PAGE_OFFSET,
    name,
  ]),
);
