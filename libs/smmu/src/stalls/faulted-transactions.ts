import type { StreamConfiguration } from '../configuration/stream-configuration';
import type { EventQueue } from '../events/event-queue';
import { faultRecord, isTranslationFault, type Attributes, type Fault } from '../events/faults';
import type { Control } from '../registers/control';
import type { Outcome, Transaction } from '../transaction';
import type { Stage1Context } from '../translation/context';
import type { StalledTransactions } from './stalled-transactions';

const ABORT: Outcome = { kind: 'abort' };

/** What becomes of a transaction that meets a fault (IHI 0070 §3.12, §5.5): it stalls or ends, recorded or not. */
export class FaultedTransactions {
  constructor(
    private readonly control: Control,
    private readonly eventQueue: EventQueue,
    private readonly stalls: StalledTransactions,
  ) {}

  /** Aborts a transaction and records why. */
  terminate(fault: Fault, t: Transaction): Outcome {
    const event = faultRecord(fault, t, { privileged: false, instruction: false });
    this.eventQueue.record(event);
    return { kind: 'abort', event };
  }

  /**
   * Stalls a transaction, or terminates it: records the event unless R suppresses it, and aborts or
   * answers RAZ/WI.
   */
  fail(
    fault: Fault,
    t: Transaction,
    stream: StreamConfiguration | undefined,
    context: Stage1Context | undefined,
  ): Outcome {
    let records = true;
    let aborts = true;
    if (fault.event === 'C_BAD_STREAMID') records = this.control.recordsBadStreamId;
    else if (isTranslationFault(fault)) {
      const governing = fault.stage === 2 ? stream?.stage2 : context;
      if (governing?.stalls === true) {
        const stalled = this.stall(fault, t, stream);
        if (stalled !== undefined) return stalled;
      } else {
        records = governing?.records ?? true;
        // Stage 2 always aborts (IHI 0070 §5.5).
        aborts = fault.stage === 2 || (context?.aborts ?? true);
      }
    }
    if (!records) return aborts ? ABORT : { kind: 'raz-wi' };
    const event = faultRecord(fault, t, attributesOf(t, stream));
    this.eventQueue.record(event);
    return { kind: aborts ? 'abort' : 'raz-wi', event };
  }

  /**
   * Holds a transaction and records that it waits, whatever R says. Undefined when there is no STAG
   * left: then it is aborted and recorded with Stall=0, which §3.12 permits.
   */
  private stall(
    fault: Fault,
    t: Transaction,
    stream: StreamConfiguration | undefined,
  ): Outcome | undefined {
    const stag = this.stalls.hold(t);
    if (stag === undefined) return undefined;
    const event = faultRecord(fault, t, attributesOf(t, stream), stag);
    if (!this.eventQueue.recordStall(event)) this.stalls.waitForQueue(stag);
    return { kind: 'stalled', stag, event };
  }
}

function attributesOf(t: Transaction, stream: StreamConfiguration | undefined): Attributes {
  const privileged = stream?.privileged ?? t.privileged ?? false;
  const instruction = stream?.instruction ?? t.instruction ?? false;
  return { privileged, instruction: instruction && !t.write };
}
