import type { AddressTranslationCache } from './ats/address-translation-cache';
import { AtsPort } from './ats/ats-port';
import { admitTranslated } from './ats/translated-transactions';
import type { TranslationCompletion, TranslationRequest } from './ats/translation-request';
import { TranslationRequests } from './ats/translation-requests';
import { memoryAttributes, type AttributesCode } from './attributes/memory-attributes';
import { DEFAULT_INPUT, withHintsOf } from './attributes/memory-type';
import { throughStage2 } from './attributes/stage2-attributes';
import { ADVERSARIAL, type Caching } from './cache/caching';
import type { Removed } from './cache/removed';
import { attributesOf } from './cache/tlb-info';
import { TranslationCache } from './cache/translation-cache';
import { cacheCounts, CommandQueue } from './commands/command-queue';
import { CompletionSignals } from './commands/completion-signals';
import { ConfigurationCache } from './configuration/configuration-cache';
import { ContextTable } from './configuration/context-table';
import type { StreamConfiguration } from './configuration/stream-configuration';
import { StreamFinder } from './configuration/stream-finder';
import { StreamTable } from './configuration/stream-table';
import { EventQueue } from './events/event-queue';
import type { Fault } from './events/faults';
import type { RegisterName } from './formats/registers';
import type { PhysicalMemory } from './memory/physical-memory';
import type { SmmuObserver } from './observer';
import { Provenance, type MadeFrom } from './provenance/provenance';
import { CONTROL_REGISTERS, readControl, type Control } from './registers/control';
import { featuresOf, type Features, type SmmuConfiguration } from './registers/features';
import { GlobalErrors } from './registers/global-errors';
import { RegisterFile } from './registers/register-file';
import { UnsupportedFeatureError, unsupportedFeatures } from './registers/unsupported';
import { FaultedTransactions } from './stalls/faulted-transactions';
import { StalledTransactions, type StalledTransaction } from './stalls/stalled-transactions';
import type { Outcome, Transaction } from './transaction';
import { breakBeforeMake } from './translation/break-before-make';
import type { Stage1Context, Stage2Context } from './translation/context';
import { InputAddress } from './translation/input-address';
import { needOf, type Need } from './translation/permissions';
import { speculate } from './translation/speculation';
import { Translator } from './translation/translator';

const ABORT: Outcome = { kind: 'abort' };
const RAZ_WI: Outcome = { kind: 'raz-wi' };
const BAD_STE: Fault = { event: 'C_BAD_STE' };
const BYPASS_ADDR_SIZE: Fault = { event: 'BYPASS_ADDR_SIZE' };

/**
 * One SMMUv3, Non-secure programming interface (IHI 0070). Everything happens at once: a write of
 * CMDQ_PROD returns when the queue is empty or has stopped, and CMD_SYNC never waits.
 */
export class Smmu {
  private readonly features: Features;
  private readonly registers: RegisterFile;
  private readonly errors: GlobalErrors;
  private readonly configuration: ConfigurationCache;
  private readonly translations: TranslationCache;
  private readonly translator: Translator;
  private readonly finder: StreamFinder;
  private readonly stalls = new StalledTransactions();
  private readonly faulted: FaultedTransactions;
  private readonly ats = new AtsPort();
  private readonly requests: TranslationRequests;
  private readonly provenance: Provenance | undefined;
  private readonly commandQueue: CommandQueue;
  private readonly eventQueue: EventQueue;
  private readonly input = new InputAddress();
  /** Kept current in place: whoever holds it sees the registers as they are. */
  private readonly control: Control;

  /**
   * @throws UnsupportedFeatureError when the identification registers offer what the model does not
   * have.
   * @throws RangeError for a cache without places.
   */
  constructor(
    configuration: SmmuConfiguration,
    private readonly memory: PhysicalMemory,
    private readonly observer: SmmuObserver = {},
    caching: Caching = ADVERSARIAL,
  ) {
    const unsupported = unsupportedFeatures(configuration);
    if (unsupported.length > 0) throw new UnsupportedFeatureError(unsupported);
    this.features = featuresOf(configuration);
    this.registers = new RegisterFile(configuration);
    this.errors = new GlobalErrors(this.registers);
    const shape = caching.mode === 'limited' ? caching : undefined;
    const walkCaches = caching.mode === 'limited' || (caching.walkCaches ?? true);
    const { staleness } = observer;
    const provenance = staleness && new Provenance(memory, staleness);
    const hints = caching.mode === 'limited' || (caching.contiguousHints ?? true);
    this.configuration = new ConfigurationCache(shape, provenance, hints);
    this.translations = new TranslationCache(shape, provenance);
    provenance?.describeBy(this.translations.tlb);
    const rules = { walkCaches, ...breakBeforeMake(this.features.breakBeforeMakeLevel) };
    this.translator = new Translator(memory, this.translations.tlb, rules, provenance);
    this.finder = this.createFinder(provenance);
    this.control = readControl(this.registers, this.features);
    const { registers, errors, features } = this;
    this.eventQueue = new EventQueue(memory, registers, errors, features, observer);
    this.requests = new TranslationRequests(
      features,
      this.finder,
      this.translator,
      this.eventQueue,
      this.control,
      provenance,
    );
    this.provenance = provenance;
    this.faulted = new FaultedTransactions(this.control, this.eventQueue, this.stalls);
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
    if (CONTROL_REGISTERS.has(name)) this.updateControl();
    if (name === 'CMDQ_PROD' || name === 'CR0' || name === 'GERRORN') {
      this.commandQueue.run(() => this.endStalls());
    }
    if (name === 'EVENTQ_CONS' || name === 'CR0' || name === 'GERRORN') this.retryUnrecorded();
  }

  /** The transactions that wait for CMD_RESUME or CMD_STALL_TERM, in the order of their stalls. */
  stalledTransactions(): readonly StalledTransaction[] {
    return this.stalls.list();
  }

  /** Numbers of entries that the caches hold now. */
  cachedEntries(): Removed {
    return { ...cacheCounts(this.configuration, this.translations), atc: this.ats.count };
  }

  /** Number of TLB entries under a VMID, or under one ASID of it (StreamWorld NS-EL1). */
  cachedUnder(vmid: number, asid?: number): number {
    return this.translations.countUnder(vmid, asid);
  }

  /** Every cached entry with the words it was made from; nothing where nobody keeps track of staleness. */
  madeFrom(): Iterable<MadeFrom> {
    return this.provenance?.entries() ?? [];
  }

  /** One access by a client device. At most one event is recorded (IHI 0070 §7.2). */
  access(t: Transaction): Outcome {
    this.input.set(t.address);
    if (t.translated === true) return this.translated(t);
    if (!this.control.enabled) return this.disabled();
    const stream = this.finder.stream(t.streamId, this.control);
    if ('event' in stream) return this.faulted.fail(stream, t, undefined, undefined);
    switch (stream.disposition) {
      case 'illegal':
        return this.faulted.fail(BAD_STE, t, stream, undefined);
      case 'abort':
        return ABORT;
      default:
        return this.configured(t, stream);
    }
  }

  /** Reads ahead for a stream, as an SMMU may at any time. Nothing is recorded. */
  prefetch(target: { streamId: number; substreamId?: number; address: bigint }): void {
    const { finder, translator, control, input } = this;
    speculate({ finder, translator, control, input }, target);
  }

  /** Answers an ATS Translation Request (IHI 0070 §3.9.1.2). */
  translationRequest(request: TranslationRequest): TranslationCompletion {
    return this.requests.answer(request);
  }

  /** Makes a device's ATC the target of CMD_ATC_INV for a StreamID, in place of an earlier one. */
  connectAtc(streamId: number, atc: AddressTranslationCache): void {
    this.ats.connect(streamId, atc);
    if (this.provenance !== undefined) atc.watchedBy(streamId, this.provenance);
  }

  /**
   * An ATS Translated transaction. Its PnU, InD and SubstreamID are seen where it has a PASID and
   * IDR3.PASIDTT is 1 (IHI 0070 §3.9.1.3). A PA beyond the OAS is aborted silently (§3.9.1.1), any
   * other has the attributes that clients have by default (§13.6.2).
   */
  private translated(sent: Transaction): Outcome {
    const { streamId, address, write } = sent;
    const seen = this.features.pasidOnTranslated && sent.substreamId !== undefined;
    const t = seen ? sent : { streamId, address, write };
    const admission = admitTranslated(t, this.finder, this.control, this.features);
    switch (admission.kind) {
      case 'faulted':
        return this.faulted.fail(admission.fault, t, admission.stream, undefined);
      case 'refused':
        return admission.fault === undefined ? ABORT : this.faulted.terminate(admission.fault, t);
      case 'physical': {
        const pa = this.input.asNumber();
        return pa >= this.features.outputLimit ? ABORT : this.bypass(pa, DEFAULT_INPUT);
      }
      case 'intermediate':
        // STE.MTCFG, SHCFG and ALLOCCFG have no say in Translated transactions (§13.1.4, Table 13.5).
        return this.withoutStage1(t, admission.stream, DEFAULT_INPUT);
    }
  }

  /**
   * SMMUEN=0: GBPA aborts silently or lets the address pass, if it is within the OAS (IHI 0070
   * §3.4, §6.3.14).
   */
  private disabled(): Outcome {
    const address = this.input.asNumber();
    if (this.control.globalAbort || address >= this.features.outputLimit) return ABORT;
    return this.bypass(address, this.control.attributes);
  }

  private bypass(pa: number, attributes: AttributesCode): Outcome {
    if (!this.memory.backed(pa)) return { kind: 'no-memory', pa };
    return {
      kind: 'ok',
      pa,
      readable: true,
      writable: true,
      attributes: memoryAttributes(attributes),
    };
  }

  /**
   * A stream that passes traffic: finds the context, then translates (IHI 0070 §7.3.22 gives the
   * order of checks).
   */
  private configured(t: Transaction, stream: StreamConfiguration): Outcome {
    const context = this.finder.context(stream, t.substreamId);
    if (context === undefined) return this.withoutStage1(t, stream);
    if ('event' in context) return this.faulted.fail(context, t, stream, undefined);
    return this.withStage1(t, stream, context);
  }

  private withoutStage1(
    t: Transaction,
    stream: StreamConfiguration,
    incoming: AttributesCode = stream.attributes,
  ): Outcome {
    const address = this.input.asNumber();
    const { features } = this;
    const { stage2 } = stream;
    const limit = stage2 === undefined ? features.outputLimit : features.intermediateLimit;
    if (address >= limit) return this.faulted.fail(BYPASS_ADDR_SIZE, t, stream, undefined);
    return stage2 === undefined
      ? this.bypass(address, incoming)
      : this.withStage2(t, stream, stage2, incoming);
  }

  private withStage2(
    t: Transaction,
    stream: StreamConfiguration,
    stage2: Stage2Context,
    incoming: AttributesCode,
  ): Outcome {
    const need = this.need(t, stream);
    const { translator } = this;
    const failed = translator.throughStage2(stage2, this.input, need);
    if (failed !== undefined) return this.faulted.fail(failed, t, stream, undefined);
    const leaf = attributesOf(translator.info);
    return this.reached(need, throughStage2(incoming, leaf, stage2.forcedWriteBack));
  }

  private withStage1(t: Transaction, stream: StreamConfiguration, context: Stage1Context): Outcome {
    const need = this.need(t, stream);
    const { input, translator } = this;
    const failed = translator.throughStage1(context, input, need, stream.stage2);
    if (failed !== undefined) return this.faulted.fail(failed, t, stream, context);
    const attributes = attributesOf(translator.info);
    return this.reached(need, withHintsOf(stream.attributes, attributes));
  }

  private reached(need: Need, attributes: AttributesCode): Outcome {
    const { pa, info } = this.translator;
    if (!this.memory.backed(pa)) return { kind: 'no-memory', pa };
    return {
      kind: 'ok',
      pa,
      readable: (info & need.readable) === need.readable,
      writable: (info & need.writable) === need.writable,
      attributes: memoryAttributes(attributes),
    };
  }

  private need(t: Transaction, stream: StreamConfiguration): Need {
    const privileged = stream.privileged ?? t.privileged ?? false;
    const instruction = stream.instruction ?? t.instruction ?? false;
    return needOf(privileged, t.write, instruction);
  }

  /** Retries or terminates the transactions whose stall is over. */
  private endStalls(): void {
    for (let over = this.stalls.takeEnded(); over; over = this.stalls.takeEnded()) {
      const { stag, transaction, ending } = over;
      const outcome =
        ending === 'retry' ? this.access(transaction) : ending === 'abort' ? ABORT : RAZ_WI;
      this.observer.stallEnded?.({ stag, transaction, outcome });
    }
  }

  /**
   * A stalled transaction whose record could not be written is retried when the queue is writable
   * again, so no record is of configuration or translations that are no longer there (IHI 0070
   * §7.2.1, §4.7.3).
   */
  private retryUnrecorded(): void {
    for (const stag of this.stalls.unrecorded()) {
      if (!this.eventQueue.writable) return;
      this.stalls.retry(stag);
      this.endStalls();
    }
  }

  /** Disabling translation terminates every stalled transaction (IHI 0070 §6.3.9.6). */
  private updateControl(): void {
    Object.assign(this.control, readControl(this.registers, this.features));
    if (this.control.enabled) return;
    this.stalls.terminateAll();
    this.endStalls();
  }

  private createFinder(provenance?: Provenance): StreamFinder {
    const { memory, features, configuration, translations } = this;
    const { stage2 } = this.translator;
    const contexts = new ContextTable(
      memory,
      features,
      stage2,
      configuration,
      translations,
      provenance,
    );
    const streams = new StreamTable(memory, configuration, provenance);
    return new StreamFinder(streams, contexts, configuration, translations, features, provenance);
  }

  private createCommandQueue(): CommandQueue {
    const { memory, registers, errors, observer } = this;
    const target = {
      features: this.features,
      control: this.control,
      configuration: this.configuration,
      translations: this.translations,
      stalls: this.stalls,
      ats: this.ats,
      completion: new CompletionSignals(memory, errors, observer),
    };
    return new CommandQueue(memory, registers, errors, target, observer);
  }
}
