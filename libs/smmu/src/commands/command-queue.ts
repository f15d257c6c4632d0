import { COMMANDS, commandName, type CommandName, type CommandWords } from '../formats/commands';
import { fieldNumber, type Parts } from '../formats/field-reader';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { SmmuObserver } from '../observer';
import type { GlobalErrors } from '../registers/global-errors';
import { entryAddress, isEmpty, nextIndex, queueShape } from '../registers/queue-shape';
import type { RegisterFile } from '../registers/register-file';
import type { Removed } from '../cache/removed';
import { COMMAND_RULES, type CommandFields, type CommandTarget } from './command-rules';

/** Error codes of CMDQ_CONS.ERR that this model raises (IHI 0070 §7.1). */
const CERROR = { CERROR_ILL: 1, CERROR_ABT: 2 } as const;
type CommandError = keyof typeof CERROR;

const COMMAND_BYTES = 16;

const FIELD_NAMES = [
  'SSec',
  'StreamID',
  'SubstreamID',
  'Leaf',
  'Range',
  'VMID',
  'ASID',
  'Resp',
  'CS',
  'MSIData',
  'MSIAddress',
  'Address',
  'NUM',
  'SCALE',
  'TG',
  'TTL',
] as const satisfies readonly (keyof CommandFields)[];

type Reader = (parts: Parts) => CommandFields;

/** The field readers of every command, compiled from the command formats. */
const READERS = Object.fromEntries(
  (Object.keys(COMMANDS) as CommandName[]).map((name) => [name, readerOf(name)]),
) as Record<CommandName, Reader>;

function readerOf(name: CommandName): Reader {
  const { layout } = COMMANDS[name];
  const readers = FIELD_NAMES.map((field) =>
    field in layout.fields ? fieldNumber(layout, field) : (): number => 0,
  );
  return (parts) =>
    Object.fromEntries(
      FIELD_NAMES.map((field, n) => [field, readers[n]!(parts)]),
    ) as unknown as CommandFields;
}

/** The Non-secure command queue, from the SMMU's side (IHI 0070 §4.1, §7.1). */
export class CommandQueue {
  private readonly parts = new Uint32Array(4);

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly registers: RegisterFile,
    private readonly errors: GlobalErrors,
    private readonly target: CommandTarget,
    private readonly counts: () => Removed,
    private readonly observer: SmmuObserver,
  ) {}

  /** Consumes commands until the queue is empty, disabled, or stopped by an error (IHI 0070 §4.1.2). */
  run(): void {
    if (this.registers.field('CR0', 'CMDQEN') === 0) return;
    const shape = queueShape(this.registers, {
      base: 'CMDQ_BASE',
      entryBytes: COMMAND_BYTES,
      largestLog2: this.target.features.cmdqsLog2,
    });
    const producer = this.registers.field('CMDQ_PROD', 'WR');
    for (;;) {
      const consumer = this.registers.field('CMDQ_CONS', 'RD');
      if (isEmpty(shape, producer, consumer) || this.errors.isActive('CMDQ_ERR')) return;
      const address = entryAddress(shape, consumer);
      if (!this.memory.backed(address)) {
        this.fail([0n, 0n], 'CERROR_ABT');
        return;
      }
      const words = [this.memory.read64(address), this.memory.read64(address + 8)] as const;
      if (!this.execute(address, words)) return;
      this.registers.setField('CMDQ_CONS', 'RD', nextIndex(shape, consumer));
    }
  }

  /** Executes one command. False: it was illegal, and consumption stops at it. */
  private execute(address: number, words: CommandWords): boolean {
    const name = commandName(words);
    const fields = name === undefined ? undefined : READERS[name](this.read(address));
    const rule = name === undefined ? undefined : COMMAND_RULES[name];
    if (
      rule === undefined ||
      fields === undefined ||
      rule.illegal?.(fields, this.target.features) === true
    ) {
      this.fail(words, 'CERROR_ILL');
      return false;
    }
    const before = this.counts();
    rule.effect?.(fields, this.target);
    this.observer.commandConsumed?.(words, difference(before, this.counts()));
    return true;
  }

  private read(address: number): Uint32Array {
    for (let word = 0; word < 2; word++) {
      this.parts[word * 2] = this.memory.readLo(address + word * 8);
      this.parts[word * 2 + 1] = this.memory.readHi(address + word * 8);
    }
    return this.parts;
  }

  private fail(words: CommandWords, error: CommandError): void {
    this.registers.setField('CMDQ_CONS', 'ERR', CERROR[error]);
    this.errors.activate('CMDQ_ERR');
    this.observer.commandError?.(words, error);
  }
}

function difference(before: Removed, after: Removed): Removed {
  return {
    configuration: before.configuration - after.configuration,
    stage1: before.stage1 - after.stage1,
    stage2: before.stage2 - after.stage2,
    nested: before.nested - after.nested,
  };
}
