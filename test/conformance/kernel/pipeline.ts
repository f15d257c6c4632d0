import {
  decide,
  DECIDERS,
  eventOf,
  parseStream,
  streamOf,
  toStored,
  toStoredEvent,
} from '@steward/domain';
import type {
  AggregateKind,
  Command,
  Context,
  Decider,
  Decision,
  DomainEvent,
  StateOf,
} from '@steward/domain';
import type { CommandOutcome } from '@steward/iommufd';
import { MemoryLedger } from '@steward/ledger';
import type { CommitDraft, JsonObject, Outcome, StoredCommit } from '@steward/ledger';
import { Machine } from '@steward/machine';
import type { MachineEffect } from '@steward/machine';
import { machineCommit } from '@steward/replay';
import { alsoForwarded, asRecorded, type EventRecord } from './recorded-device';
import { HOST, type SetUp } from './set-ups';

/** enum iommu_veventq_type: records of an SMMUv3. */
const VEVENTQ_ARM_SMMUV3 = 1;
/** Outcome of an access in a `dma` effect. */
const OUTCOME_SHIFT = 2n;
const OUTCOME_OK = 0n;
/** StreamID is the upper half of a record's first word. */
const STREAM_ID_SHIFT = 32n;
const AT = '2026-01-01T00:00:00.000Z';

/** Command → decide → events in a ledger → machine, one command after the other. */
export class Pipeline implements Context {
  readonly ledger = new MemoryLedger();
  readonly machine = new Machine();
  private readonly states = new Map<string, { version: number; state: unknown }>();
  private reads = new Map<string, number>();
  private effects: MachineEffect[] = [];
  private events: DomainEvent[] = [];
  /** What the machine did, from the first command on. */
  readonly everyEffect: MachineEffect[] = [];
  private commands = 0;
  /** Where each device's own faults go, as its last attachment says. */
  private readonly guestStreams = new Map<
    string,
    { readonly vsmmu: string; readonly vsid: number }
  >();
  /** IPAs of the start-level tables in guest memory. */
  readonly startTables = new Set<bigint>();

  constructor(private readonly setUp: SetUp) {}

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    const stream = streamOf(kind, id);
    const known = this.states.get(stream);
    this.reads.set(stream, known?.version ?? 0);
    return known?.state as StateOf<K> | undefined;
  }

  /** Decides, appends and applies a command; faults that this makes reach the guest's vEVENTQ before anything else. */
  async execute(command: Command): Promise<CommandOutcome> {
    this.reads = new Map();
    const decision = decide(command, this);
    const result = await this.ledger.append(this.draft(command, decision));
    if (result.kind !== 'appended') throw new Error(`${command.type}: ${result.kind}`);
    const effects = this.follow(result.commit);
    for (const effect of effects) {
      if (effect.kind === 'guest-event') await this.report(effect.payload.vsmmu, effect.words);
      if (effect.kind === 'page-fault') {
        await this.execute({ type: 'ReportPageFault', ...effect.payload });
      }
      if (effect.kind === 'hardware-event') await this.reportRecorded(effect);
    }
    const refusal = decision.ok ? decision.stopped : decision;
    return {
      ...(refusal && { errno: refusal.errno }),
      ...(decision.answer && { answer: decision.answer }),
    };
  }

  /** What happened since the last call. */
  take(): { readonly effects: readonly MachineEffect[]; readonly events: readonly DomainEvent[] } {
    const taken = { effects: this.effects, events: this.events };
    this.effects = [];
    this.events = [];
    return taken;
  }

  /** Where the DMA since the last `take` was let through to: its PA. */
  acceptedDma(): number | undefined {
    for (const effect of this.effects) {
      if (effect.kind !== 'dma') continue;
      const outcome = (effect.words[0]! >> OUTCOME_SHIFT) & 3n;
      if (outcome === OUTCOME_OK) return Number(effect.words[1]);
    }
    return undefined;
  }

  private async report(vsmmu: string, words: BigUint64Array): Promise<void> {
    const users = this.get('vsmmu', vsmmu)?.users ?? new Map<string, number>();
    const queue = [...users].find(([, type]) => type === VEVENTQ_ARM_SMMUV3)?.[0];
    if (queue === undefined) return;
    await this.execute({ type: 'ReportVevent', veventq: parseStream(queue).id, words });
  }

  private follow(commit: StoredCommit): readonly MachineEffect[] {
    for (const stored of commit.events) {
      const event = eventOf(stored);
      const decider = DECIDERS[parseStream(stored.stream).kind] as unknown as Decider<'host'>;
      const before = this.states.get(stored.stream)?.state as StateOf<'host'> | undefined;
      const state = decider.evolve(before, event as never);
      this.states.set(stored.stream, { version: stored.version, state });
      this.events.push(event);
      this.followAttachment(event);
    }
    const { effects } = this.machine.apply(machineCommit(commit));
    this.effects.push(...effects);
    this.everyEffect.push(...effects);
    return effects;
  }

  private followAttachment(event: DomainEvent): void {
    if (event.type === 'DeviceDetached') this.guestStreams.delete(event.device);
    if (event.type !== 'DeviceAttached') return;
    const { device, vsmmu, vsid } = event;
    if (vsmmu === undefined || vsid === undefined) this.guestStreams.delete(device);
    else this.guestStreams.set(device, { vsmmu, vsid });
  }

  /** The recording's SMMU words some records differently, and then its driver forwards what ours does not. */
  private async reportRecorded(
    effect: Extract<MachineEffect, { kind: 'hardware-event' }>,
  ): Promise<void> {
    const record = [...effect.words] as unknown as EventRecord;
    const recorded = asRecorded(record, this.startTables);
    effect.words.set(recorded);
    const streamId = Number(record[0] >> STREAM_ID_SHIFT);
    const { smmu } = effect.payload;
    const device = this.setUp.devices.find((d) => d.smmu === smmu && d.streamId === streamId);
    const guest = device && this.guestStreams.get(device.name);
    const forwarded = guest && alsoForwarded(record, recorded, guest.vsid);
    if (guest && forwarded) await this.report(guest.vsmmu, BigUint64Array.from(forwarded));
  }

  private draft(command: Command, decision: Decision): CommitDraft {
    const { type, payload, words } = toStored(command);
    const outcome = decision.ok
      ? { ok: true, ...decision.stopped }
      : { ok: false, errno: decision.errno, code: decision.code, reason: decision.reason };
    this.commands += 1;
    return {
      host: HOST,
      at: AT,
      actor: 'conformance',
      commandId: String(this.commands),
      command: { type, ...payload } as JsonObject,
      ...(words && { commandWords: words }),
      outcome: outcome as Outcome,
      reads: [...this.reads].map(([stream, version]) => ({ stream, version })),
      events: (decision.ok ? decision.events : []).map(({ stream, event }) => {
        const stored = toStoredEvent(event as never);
        return { stream, ...stored, payload: stored.payload as JsonObject };
      }),
    };
  }
}
