import type { Removed } from './cache/removed';
import { TranslationCache } from './cache/translation-cache';
import { CommandQueue } from './commands/command-queue';
import { ConfigurationCache } from './configuration/configuration-cache';
import { ContextTable, isFault } from './configuration/context-table';
import { contextIndex } from './configuration/substream';
import { decodeSte, type StreamConfiguration } from './configuration/stream-configuration';
import { StreamTable, type StreamTableShape } from './configuration/stream-table';
import { EventQueue } from './events/event-queue';
import { faultRecord, type Attributes, type Fault } from './events/faults';
import type { RegisterName } from './formats/registers';
import type { PhysicalMemory } from './memory/physical-memory';
import type { SmmuObserver } from './observer';
import { featuresOf, type Features, type SmmuConfiguration } from './registers/features';
import { GlobalErrors } from './registers/global-errors';
import { registerField } from './registers/register-field';
import { RegisterFile, SMMUEN } from './registers/register-file';
import { UnsupportedFeatureError, unsupportedFeatures } from './registers/unsupported';
import type { Outcome, Transaction } from './transaction';
import type { Stage1Context } from './translation/context';
import { InputAddress } from './translation/input-address';
import { needOf, type Need } from './translation/permissions';
import { Translator } from './translation/translator';

const ABORT: Outcome = { kind: 'abort' };

const GBPA_ABORT = registerField('GBPA', 'ABORT');
const RECINVSID = registerField('CR2', 'RECINVSID');
const E2H = registerField('CR2', 'E2H');
const TABLE_ADDRESS = registerField('STRTAB_BASE', 'ADDR');
const TABLE_LOG2SIZE = registerField('STRTAB_BASE_CFG', 'LOG2SIZE');
const TABLE_SPLIT = registerField('STRTAB_BASE_CFG', 'SPLIT');
const TABLE_FMT = registerField('STRTAB_BASE_CFG', 'FMT');

/** The registers that `Control` is decoded from. */
const CONTROL_REGISTERS: ReadonlySet<RegisterName> = new Set([
  'CR0',
  'CR2',
  'GBPA',
  'STRTAB_BASE',
  'STRTAB_BASE_CFG',
]);

/** What the registers say about transactions, decoded when they are written. */
interface Control {
  readonly enabled: boolean;
  readonly globalAbort: boolean;
  readonly recordsBadStreamId: boolean;
  readonly e2h: boolean;
  readonly streamTable: StreamTableShape;
}

/**
 * One SMMUv3, Non-secure programming interface (IHI 0070). Everything happens at once: a write of
 * CMDQ_PROD returns when the queue is empty or has stopped, and CMD_SYNC never waits.
 */
export class Smmu {
  private readonly features: Features;
  private readonly registers: RegisterFile;
  private readonly errors: GlobalErrors;
  private readonly configuration = new ConfigurationCache();
  private readonly translations = new TranslationCache();
  private readonly translator: Translator;
  private readonly streamTable: StreamTable;
  private readonly contextTable: ContextTable;
  private readonly commandQueue: CommandQueue;
  private readonly eventQueue: EventQueue;
  private readonly input = new InputAddress();
  private control: Control;

  /**
   * @throws UnsupportedFeatureError when the identification registers offer what the model does not
   * have.
   */
  constructor(
    configuration: SmmuConfiguration,
    private readonly memory: PhysicalMemory,
    private readonly observer: SmmuObserver = {},
  ) {
    const unsupported = unsupportedFeatures(configuration);
    if (unsupported.length > 0) throw new UnsupportedFeatureError(unsupported);
    this.features = featuresOf(configuration);
    this.registers = new RegisterFile(configuration);
    this.errors = new GlobalErrors(this.registers);
    this.translator = new Translator(memory, this.translations.tlb);
    this.streamTable = new StreamTable(memory, this.configuration);
    this.contextTable = new ContextTable(
      memory,
      this.features,
      this.translator.stage2,
      this.configuration,
      this.translations,
    );
    this.eventQueue = new EventQueue(memory, this.registers, this.errors, this.features);
    this.control = this.readControl();
    this.commandQueue = this.createCommandQueue();
  }

  readRegister(name: RegisterName): bigint {
    return this.registers.read(name);
  }

  /**
   * A write by software. Writes the architecture ignores are ignored: read-only registers, and
   * registers that are read-only while SMMUEN or their queue's enable is set. Programming
   * CMDQ_PROD, setting CR0.CMDQEN or acknowledging CMDQ_ERR makes the command queue run until it is
   * empty or an error stops it.
   */
  writeRegister(name: RegisterName, value: bigint): void {
    if (!this.registers.write(name, value)) return;
    if (CONTROL_REGISTERS.has(name)) this.control = this.readControl();
    if (name === 'CMDQ_PROD' || name === 'CR0' || name === 'GERRORN') this.commandQueue.run();
  }

  /** Numbers of entries that the caches hold now. */
  cachedEntries(): Removed {
    const { stage1, stage2, nested } = this.translations.tlb.counts;
    return { configuration: this.configuration.count, stage1, stage2, nested };
  }

  /** One access by a client device. At most one event is recorded (IHI 0070 §7.2). */
  access(t: Transaction): Outcome {
    this.input.set(t.address);
    if (!this.control.enabled) return this.disabled();
    const stream = this.stream(t.streamId);
    if ('event' in stream) return this.fail(stream, t, undefined, undefined);
    switch (stream.disposition) {
      case 'illegal':
        return this.fail({ event: 'C_BAD_STE' }, t, stream, undefined);
      case 'abort':
        return ABORT;
      default:
        return this.configured(t, stream);
    }
  }

  /**
   * SMMUEN=0: GBPA aborts silently or lets the address pass, if it is within the OAS (IHI 0070
   * §3.4, §6.3.14).
   */
  private disabled(): Outcome {
    const address = this.input.asNumber();
    if (this.control.globalAbort || address >= this.features.outputLimit) return ABORT;
    return this.bypass(address);
  }

  private bypass(pa: number): Outcome {
    if (!this.memory.backed(pa)) return { kind: 'no-memory', pa };
    return { kind: 'ok', pa, readable: true, writable: true };
  }

  private stream(streamId: number): StreamConfiguration | Fault {
    const cached = this.configuration.ste(streamId);
    if (cached !== undefined) return cached;
    const failed = this.streamTable.fetch(this.control.streamTable, streamId);
    if (failed !== undefined) return failed;
    const { parts } = this.streamTable;
    const decoded = decodeSte(parts, this.features, this.translations, this.control.e2h);
    this.configuration.keepSte(streamId, decoded);
    return decoded;
  }

  /**
   * A stream that passes traffic: finds the context, then translates (IHI 0070 §7.3.22 gives the
   * order of checks).
   */
  private configured(t: Transaction, stream: StreamConfiguration): Outcome {
    const pointer = stream.stage1;
    if (pointer === undefined) {
      if (t.substreamId !== undefined) {
        return this.fail({ event: 'C_BAD_SUBSTREAMID' }, t, stream, undefined);
      }
      return this.withoutStage1(t, stream);
    }
    const index = contextIndex(pointer, t.substreamId);
    if (index === 'bypass') return this.withoutStage1(t, stream);
    if (typeof index !== 'number') return this.fail(index, t, stream, undefined);
    const context = this.contextTable.context(stream, pointer, index);
    if (isFault(context)) return this.fail(context, t, stream, undefined);
    return this.withStage1(t, stream, context);
  }

  private withoutStage1(t: Transaction, stream: StreamConfiguration): Outcome {
    const address = this.input.asNumber();
    const { stage2 } = stream;
    const { outputLimit, intermediateLimit } = this.features;
    const limit = stage2 === undefined ? outputLimit : intermediateLimit;
    if (address >= limit) return this.fail({ event: 'BYPASS_ADDR_SIZE' }, t, stream, undefined);
    if (stage2 === undefined) return this.bypass(address);
    const need = this.need(t, stream);
    const failed = this.translator.throughStage2(stage2, address, need);
    return failed === undefined ? this.reached(need) : this.fail(failed, t, stream, undefined);
  }

  private withStage1(t: Transaction, stream: StreamConfiguration, context: Stage1Context): Outcome {
    const need = this.need(t, stream);
    const { input, translator } = this;
    const failed = translator.throughStage1(context, input, need, stream.stage2);
    return failed === undefined ? this.reached(need) : this.fail(failed, t, stream, context);
  }

  private reached(need: Need): Outcome {
    const { pa, info } = this.translator;
    if (!this.memory.backed(pa)) return { kind: 'no-memory', pa };
    return {
      kind: 'ok',
      pa,
      readable: (info & need.readable) === need.readable,
      writable: (info & need.writable) === need.writable,
    };
  }

  private need(t: Transaction, stream: StreamConfiguration): Need {
    const privileged = stream.privileged ?? t.privileged ?? false;
    const instruction = stream.instruction ?? t.instruction ?? false;
    return needOf(privileged, t.write, instruction);
  }

  /**
   * Terminates a transaction: records the event unless R suppresses it, and aborts or answers
   * RAZ/WI.
   */
  private fail(
    fault: Fault,
    t: Transaction,
    stream: StreamConfiguration | undefined,
    context: Stage1Context | undefined,
  ): Outcome {
    let records = true;
    let aborts = true;
    if (fault.event === 'C_BAD_STREAMID') records = this.control.recordsBadStreamId;
    else if (isTranslationFault(fault)) {
      // Stage 2 always aborts (IHI 0070 §5.5).
      if (fault.stage === 2) records = stream?.stage2?.records ?? true;
      else {
        records = context?.records ?? true;
        aborts = context?.aborts ?? true;
      }
    }
    if (!records) return aborts ? ABORT : { kind: 'raz-wi' };
    const event = faultRecord(fault, t, this.attributes(t, stream));
    const queued = this.eventQueue.record(event);
    this.observer.eventRecorded?.(event, queued);
    return { kind: aborts ? 'abort' : 'raz-wi', event };
  }

  private attributes(t: Transaction, stream: StreamConfiguration | undefined): Attributes {
    const privileged = stream?.privileged ?? t.privileged ?? false;
    const instruction = stream?.instruction ?? t.instruction ?? false;
    return { privileged, instruction: instruction && !t.write };
  }

  private readControl(): Control {
    const { registers } = this;
    const log2Size = registers.field(TABLE_LOG2SIZE);
    const split = registers.field(TABLE_SPLIT);
    const twoLevel = this.features.twoLevelStreamTable && registers.field(TABLE_FMT) === 1;
    const address = registers.field(TABLE_ADDRESS) % 2 ** 52;
    // The base is aligned to the table's size (IHI 0070 §6.3.23).
    const bytes = twoLevel
      ? Math.max(64, 8 * 2 ** Math.max(0, log2Size - split))
      : 64 * 2 ** log2Size;
    return {
      enabled: registers.field(SMMUEN) === 1,
      globalAbort: registers.field(GBPA_ABORT) === 1,
      recordsBadStreamId: registers.field(RECINVSID) === 1,
      e2h: registers.field(E2H) === 1,
      streamTable: { base: address - (address % bytes), log2Size, twoLevel, split },
    };
  }

  private createCommandQueue(): CommandQueue {
    const target = {
      features: this.features,
      configuration: this.configuration,
      translations: this.translations,
      split: (): number => (this.control.streamTable.twoLevel ? this.control.streamTable.split : 0),
      e2h: (): boolean => this.control.e2h,
      signal: (address: number, data: number): void => this.signal(address, data),
    };
    const { memory, registers, errors, observer } = this;
    const counts = (): Removed => this.cachedEntries();
    return new CommandQueue(memory, registers, errors, target, counts, observer);
  }

  /** A 32-bit write of CMD_SYNC. */
  private signal(address: number, data: number): void {
    const word = address - (address % 8);
    if (!this.memory.backed(word)) {
      this.errors.activate('MSI_CMDQ_ABT_ERR');
      return;
    }
    const upper = address % 8 === 4;
    const lo = upper ? this.memory.readLo(word) : data;
    const hi = upper ? data : this.memory.readHi(word);
    this.memory.writeWord(word, lo, hi);
  }
}

function isTranslationFault(
  fault: Fault,
): fault is Extract<
  Fault,
  { event: 'F_TRANSLATION' | 'F_ADDR_SIZE' | 'F_ACCESS' | 'F_PERMISSION' }
> {
  switch (fault.event) {
    case 'F_TRANSLATION':
    case 'F_ADDR_SIZE':
    case 'F_ACCESS':
    case 'F_PERMISSION':
      return true;
    default:
      return false;
  }
}
