import { playRecording, type ActivityOp, type GuestAction, type Recording } from '@steward/guest';
import {
  hex64,
  L1STD,
  PhysicalMemory,
  REGISTERS,
  Smmu,
  type CommandWords,
  type Outcome,
  type RegisterName,
} from '@steward/smmu';
import type { PlayFailure, PlayResult } from './suite';

/** Plays a recording on an SMMU of its own: no host, no stage 2 but the guest's, addresses are physical. */
export function playBare(recording: Recording): PlayResult {
  const player = new BarePlayer(recording);
  const devices = new Map(recording.streams.map(({ vsid }) => [vsid, String(vsid)]));
  for (const action of playRecording(recording, { devices })) player.act(action);
  return { dma: player.dma, phaseEndStes: player.stes };
}

const COMMAND_BYTES = 16;
const STE_BYTES = 64;
const L1STD_BYTES = 8;

class BarePlayer {
  readonly dma = { checked: 0, failures: [] as PlayFailure[] };
  readonly stes = { checked: 0, failures: [] as PlayFailure[] };
  private readonly memory: PhysicalMemory;
  private readonly smmu: Smmu;

  constructor({ memory, doorbells, smmu }: Recording) {
    this.memory = new PhysicalMemory([...memory, ...doorbells]);
    this.smmu = new Smmu(smmu, this.memory);
  }

  act(action: GuestAction): void {
    switch (action.kind) {
      case 'register':
        return this.smmu.writeRegister(action.name, action.value);
      case 'commands':
        return this.queue(action.words);
      case 'activity':
        return action.ops.forEach((op) => this.operate(op));
      case 'phase-end':
        return action.stes.forEach((ste, vsid) => this.checkSte(action.name, vsid, ste));
    }
  }

  private operate(op: ActivityOp): void {
    if (op.op === 'write') return this.memory.write64(op.ipa, op.word);
    const { vsid: streamId, iova: address, write, expect } = op;
    const outcome = this.smmu.access({ streamId, address, write });
    this.dma.checked++;
    const expected =
      expect.kind === 'ok' ? reached(expect.ipa, expect.readable, expect.writable) : expect.kind;
    const actual = describe(outcome);
    if (actual === expected) return;
    const step = `StreamID 0x${streamId.toString(16)} IOVA 0x${address.toString(16)}`;
    this.dma.failures.push({ step, expected, actual });
  }

  private queue(commands: readonly CommandWords[]): void {
    const entries = 2 ** this.field('CMDQ_BASE', 'LOG2SIZE');
    const size = Math.max(32, entries * COMMAND_BYTES);
    const base = this.field('CMDQ_BASE', 'ADDR');
    const aligned = base - (base % size);
    let prod = Number(this.smmu.readRegister('CMDQ_PROD'));
    for (const [word0, word1] of commands) {
      const at = aligned + (prod % entries) * COMMAND_BYTES;
      this.memory.write64(at, word0);
      this.memory.write64(at + 8, word1);
      prod = (prod + 1) % (2 * entries);
    }
    this.smmu.writeRegister('CMDQ_PROD', BigInt(prod));
  }

  private checkSte(phase: string, vsid: number, recorded: readonly bigint[]): void {
    this.stes.checked++;
    const at = this.steAddress(vsid);
    const ste = recorded.map((_, i) => this.memory.read64(at + 8 * i));
    const [expected, actual] = [recorded, ste].map((words) => words.map(hex64).join(' '));
    if (actual === expected) return;
    const step = `${phase} STE 0x${vsid.toString(16)}`;
    this.stes.failures.push({ step, expected: expected ?? '', actual: actual ?? '' });
  }

  /** Where the guest's stream table has the STE of a StreamID (IHI 0070 §3.3.1). */
  private steAddress(vsid: number): number {
    const base = this.field('STRTAB_BASE', 'ADDR');
    if (this.field('STRTAB_BASE_CFG', 'FMT') === 0) return base + vsid * STE_BYTES;
    const split = this.field('STRTAB_BASE_CFG', 'SPLIT');
    const l1std = [this.memory.read64(base + (vsid >>> split) * L1STD_BYTES)];
    return Number(L1STD.get(l1std, 'L2Ptr')) + (vsid % 2 ** split) * STE_BYTES;
  }

  private field(register: RegisterName, name: string): number {
    return Number(REGISTERS[register].layout.get([this.smmu.readRegister(register)], name));
  }
}

function reached(pa: number, readable: boolean, writable: boolean): string {
  return `0x${pa.toString(16)} ${readable ? 'r' : '-'}${writable ? 'w' : '-'}`;
}

function describe(outcome: Outcome): string {
  if (outcome.kind !== 'ok') return outcome.kind;
  return reached(outcome.pa, outcome.readable, outcome.writable);
}
