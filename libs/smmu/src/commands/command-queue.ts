import type { Removed } from '../cache/removed';
import type { TranslationCache } from '../cache/translation-cache';
import type { ConfigurationCache } from '../configuration/configuration-cache';
import { commandOfOpcode, type CommandName, type CommandWords } from '../formats/commands';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { SmmuObserver } from '../observer';
import type { GlobalErrors } from '../registers/global-errors';
import {
  COMMAND_QUEUE,
  entryAddress,
  isEmpty,
  nextIndex,
  queueShape,
} from '../registers/queue-shape';
import { registerField } from '../registers/register-field';
import { CMDQEN, type RegisterFile } from '../registers/register-file';
import { COMMAND_EFFECTS, type CommandTarget } from './command-effects';
import { readCommand, type CommandFields } from './command-fields';
import { commandIllegality } from './command-legality';

/** Error codes of CMDQ_CONS.ERR (IHI 0070 §7.1). */
const CERROR = { CERROR_ILL: 1, CERROR_ABT: 2, CERROR_ATC_INV_SYNC: 3 } as const;
const ERR = registerField('CMDQ_CONS', 'ERR');

/** What the SMMU's own caches hold. */
export type CacheCounts = Omit<Removed, 'atc'>;

/** Why consumption stopped: CMDQ_CONS stays at that command. */
interface Stop {
  readonly words: CommandWords;
  readonly error: keyof typeof CERROR;
}

/** The Non-secure command queue, from the SMMU's side (IHI 0070 §4.1, §7.1). */
export class CommandQueue {
  private readonly word = { lo: 0, hi: 0 };
  private readonly parts = new Uint32Array(4);

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly registers: RegisterFile,
    private readonly errors: GlobalErrors,
    private readonly target: CommandTarget,
    private readonly observer: SmmuObserver,
  ) {}

  /**
   * Consumes commands until the queue is empty, disabled, or stopped by an error (§4.1.2).
   * @param afterCommand carries out what a command began, behind it: ended stalls.
   */
  run(afterCommand: () => void): void {
    const { registers } = this;
    if (registers.field(CMDQEN) === 0 || this.errors.isActive('CMDQ_ERR')) return;
    const shape = queueShape(registers, COMMAND_QUEUE, this.target.features.cmdqsLog2);
    const producer = registers.field(COMMAND_QUEUE.producer);
    let consumer = registers.field(COMMAND_QUEUE.consumer);
    let stop: Stop | undefined;
    while (stop === undefined && !isEmpty(shape, producer, consumer)) {
      stop = this.consume(entryAddress(shape, consumer));
      if (stop === undefined) consumer = nextIndex(shape, consumer);
      afterCommand();
    }
    registers.setField(COMMAND_QUEUE.consumer, consumer);
    if (stop === undefined) return;
    registers.setField(ERR, CERROR[stop.error]);
    this.errors.activate('CMDQ_ERR');
    this.observer.commandError?.(stop.words, stop.error);
  }

  /** Fetches and executes one command. */
  private consume(address: number): Stop | undefined {
    if (!this.memory.backed(address)) return { words: [0n, 0n], error: 'CERROR_ABT' };
    this.fetch(address);
    const name = commandOfOpcode(this.parts[0]! & 0xff);
    if (name === undefined) return { words: this.words(), error: 'CERROR_ILL' };
    const fields = readCommand(name, this.parts);
    if (commandIllegality(name, fields, this.target.features) !== undefined) {
      return { words: this.words(), error: 'CERROR_ILL' };
    }
    const error = this.execute(name, fields);
    if (error !== undefined) return { words: this.words(), error };
    return undefined;
  }

  /** Counts what the command removes only where someone is told. */
  private execute(name: CommandName, fields: CommandFields): keyof typeof CERROR | undefined {
    const { observer, target } = this;
    if (observer.commandConsumed === undefined) {
      return COMMAND_EFFECTS[name](fields, target) ?? undefined;
    }
    const { configuration, translations, ats } = target;
    const { counts } = translations.tlb;
    const { stage1, stage2, nested } = counts;
    const configurationBefore = configuration.count;
    const atcBefore = ats.removed;
    const error = COMMAND_EFFECTS[name](fields, target) ?? undefined;
    if (error !== undefined) return error;
    observer.commandConsumed(this.words(), {
      configuration: configurationBefore - configuration.count,
      stage1: stage1 - counts.stage1,
      stage2: stage2 - counts.stage2,
      nested: nested - counts.nested,
      atc: ats.removed - atcBefore,
    });
    return undefined;
  }

  private fetch(address: number): void {
    for (let n = 0; n < 2; n++) {
      this.memory.load(address + n * 8, this.word);
      this.parts[n * 2] = this.word.lo;
      this.parts[n * 2 + 1] = this.word.hi;
    }
  }

  private words(): CommandWords {
    const [a = 0, b = 0, c = 0, d = 0] = this.parts;
    return [(BigInt(b) << 32n) | BigInt(a), (BigInt(d) << 32n) | BigInt(c)];
  }
}

/** What the caches of an SMMU hold now. */
export function cacheCounts(
  configuration: ConfigurationCache,
  translations: TranslationCache,
): CacheCounts {
  const { stage1, stage2, nested } = translations.tlb.counts;
  return { configuration: configuration.count, stage1, stage2, nested };
}
