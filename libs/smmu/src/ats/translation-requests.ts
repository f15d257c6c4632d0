import { PAGE_SIZES_LOG2 } from '../cache/page-sizes';
import type { StreamConfiguration } from '../configuration/stream-configuration';
import type { StreamFinder } from '../configuration/stream-finder';
import type { EventQueue } from '../events/event-queue';
import { faultRecord, isTranslationFault, type Attributes, type Fault } from '../events/faults';
import type { Provenance } from '../provenance/provenance';
import type { Control } from '../registers/control';
import type { Features } from '../registers/features';
import type { Stage1Context } from '../translation/context';
import { InputAddress } from '../translation/input-address';
import { needOf, type Need } from '../translation/permissions';
import type { Translator } from '../translation/translator';
import { effectiveAts } from './effective-ats';
import { grantedPermissions, type AttributeOverrides } from './granted-permissions';
import type { TranslationCompletion, TranslationRequest } from './translation-request';

const NO_ACCESS: TranslationCompletion = { kind: 'no-access' };

/** Where a translation ended, and how far around the address it holds. */
interface Place {
  readonly address: number;
  readonly sizeLog2: number;
}

/** Answers ATS Translation Requests (IHI 0070 §3.9.1.2, §13.6, §13.7). */
export class TranslationRequests {
  private readonly input = new InputAddress();

  constructor(
    private readonly features: Features,
    private readonly finder: StreamFinder,
    private readonly translator: Translator,
    private readonly events: EventQueue,
    private readonly control: Control,
    private readonly provenance?: Provenance,
  ) {}

  /** Answers one request. An SMMU without ATS has nothing that could answer: UR, and no event. */
  answer(request: TranslationRequest): TranslationCompletion {
    this.provenance?.beginRequest();
    const completion = this.find(request);
    this.provenance?.endRequest();
    return completion;
  }

  private find(request: TranslationRequest): TranslationCompletion {
    if (!this.features.ats) return { kind: 'unsupported-request' };
    const { control } = this;
    if (!control.enabled) return this.refuse(request);
    const stream = this.finder.stream(request.streamId, control);
    if ('event' in stream) return this.abort(stream, request);
    if (stream.disposition === 'illegal') return this.abort({ event: 'C_BAD_STE' }, request);
    if (stream.disposition === 'abort') return { kind: 'unsupported-request' };
    if (effectiveAts(stream, control) === 'none') return this.refuse(request);
    this.input.set(request.address);
    const context = this.finder.context(stream, request.substreamId);
    if (context !== undefined && 'event' in context) return this.end(context, request, stream);
    return this.translate(request, stream, context);
  }

  private translate(
    request: TranslationRequest,
    stream: StreamConfiguration,
    context: Stage1Context | undefined,
  ): TranslationCompletion {
    if (context === undefined) {
      const { outputLimit, intermediateLimit } = this.features;
      const limit = stream.stage2 === undefined ? outputLimit : intermediateLimit;
      // F_ADDR_SIZE of a stage 1 that is passed by (§13.6.5).
      if (this.input.asNumber() >= limit) return NO_ACCESS;
      if (stream.stage2 === undefined) return this.identity();
    }
    const { privileged } = attributesOf(request, stream);
    const reading = needOf(privileged, false, stream.instruction === true);
    const writing = needOf(privileged, true, false);
    // Whether the page can be written is looked at first, without marking anything dirty: only a
    // write that both stages permit does that (§3.13.7.1). Stage 1 permitting nothing ends it there.
    const looking = { ...writing, stage2: 0, stale: 0 };
    let fault = this.through(request.noWrite ? reading : looking, stream, context);
    let dirty = false;
    if (request.noWrite) {
      // What cannot be read may be writable.
      if (fault?.event === 'F_PERMISSION') fault = this.through(looking, stream, context);
    } else if (fault === undefined && this.permits(writing.stage2)) {
      dirty = true;
      fault = this.through(writing, stream, context);
    } else if (fault === undefined || (fault.event === 'F_PERMISSION' && fault.class === 'IN')) {
      fault = this.through(reading, stream, context);
    }
    if (fault !== undefined) return this.end(fault, request, stream);
    const granted = grantedPermissions(this.translator.info, request, stream, dirty);
    if (!granted.readable && !granted.writable) return NO_ACCESS;
    return {
      kind: 'success',
      ...this.place(stream, context),
      ...granted,
      privileged: attributesOf(request).privileged,
      global: false,
      untranslatedOnly: false,
    };
  }

  private permits(bits: number): boolean {
    return (this.translator.info & bits) === bits;
  }

  private through(
    need: Need,
    stream: StreamConfiguration,
    context: Stage1Context | undefined,
  ): Fault | undefined {
    const { translator, input } = this;
    return context === undefined
      ? translator.throughStage2(stream.stage2!, input, need)
      : translator.throughStage1(context, input, need, stream.stage2);
  }

  /** A PA, or an IPA for a stream with split-stage ATS; the size is that of both stages (§13.6.3). */
  private place(stream: StreamConfiguration, context: Stage1Context | undefined): Place {
    const { translator, input } = this;
    const split = stream.ats === 'split';
    if (context === undefined) {
      return {
        address: split ? input.asNumber() : translator.pa,
        sizeLog2: PAGE_SIZES_LOG2[translator.stage2.sizeIndex]!,
      };
    }
    const { ipa, sizeIndex } = translator.cached(context, input);
    return { address: split ? ipa : translator.pa, sizeLog2: PAGE_SIZES_LOG2[sizeIndex]! };
  }

  /** No stage translates: the address itself, in the smallest size a request may have (§13.6.4). */
  private identity(): TranslationCompletion {
    const { granule4K, granule16K } = this.features;
    return {
      kind: 'success',
      address: this.input.asNumber(),
      sizeLog2: granule4K ? 12 : granule16K ? 14 : 16,
      readable: true,
      writable: true,
      executable: false,
      privileged: false,
      global: false,
      untranslatedOnly: false,
    };
  }

  /** A translation fault means a page that is not there, any other that the SMMU is set up wrong. */
  private end(
    fault: Fault,
    request: TranslationRequest,
    stream: StreamConfiguration,
  ): TranslationCompletion {
    return isTranslationFault(fault) ? NO_ACCESS : this.abort(fault, request, stream);
  }

  private abort(
    fault: Fault,
    request: TranslationRequest,
    stream?: StreamConfiguration,
  ): TranslationCompletion {
    const { recordsAtsConfiguration, recordsBadStreamId } = this.control;
    const records =
      recordsAtsConfiguration && (fault.event !== 'C_BAD_STREAMID' || recordsBadStreamId);
    return records
      ? { kind: 'completer-abort', event: this.record(fault, request, stream) }
      : { kind: 'completer-abort' };
  }

  private refuse(request: TranslationRequest): TranslationCompletion {
    const { privileged, instruction: execute } = attributesOf(request);
    const asked = { write: !request.noWrite, execute, privileged };
    const event = this.record({ event: 'F_BAD_ATS_TREQ', ...asked }, request);
    return { kind: 'unsupported-request', event };
  }

  private record(
    fault: Fault,
    request: TranslationRequest,
    stream?: StreamConfiguration,
  ): readonly bigint[] {
    const { streamId, substreamId, address } = request;
    const t = {
      streamId,
      address,
      write: false,
      ...(substreamId === undefined ? {} : { substreamId }),
    };
    const event = faultRecord(fault, t, attributesOf(request, stream));
    this.events.record(event);
    return event;
  }
}

/** Priv and Exe, which only a PASID carries, with the STE's overrides (IHI 0070 §13.7). */
function attributesOf(request: TranslationRequest, overrides?: AttributeOverrides): Attributes {
  const withPasid = request.substreamId !== undefined;
  return {
    privileged: overrides?.privileged ?? (withPasid && request.privileged === true),
    instruction: overrides?.instruction ?? (withPasid && request.instruction === true),
  };
}
