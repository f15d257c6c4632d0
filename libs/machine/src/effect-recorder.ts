import { toHex } from '@steward/domain';
import type { HostObserver, IdleTag, PageFault as HostPageFault } from '@steward/host';
import type { CommandWords, Removed, StalenessWatcher } from '@steward/smmu';
import type { CoherenceChecker } from './coherence/coherence-checker';
import type { MachineEffect } from './effects';

interface Run {
  readonly smmu: string;
  readonly origin: 'driver' | 'guest';
  readonly words: bigint[];
  readonly removed: [number, number, number, number][];
}

/** Collects what the driver and its SMMUs report, in order; runs of commands become one effect. */
export class EffectRecorder implements HostObserver {
  private effects: MachineEffect[] = [];
  private run: Run | undefined;

  /** @param vsmmus the vSMMU of each device's vDEVICE, for attachments that do not name theirs. */
  constructor(
    private readonly vsmmus: ReadonlyMap<string, string>,
    private readonly coherence: CoherenceChecker | undefined,
  ) {}

  tagIdle(tag: IdleTag): void {
    this.coherence?.tagIdle(tag);
  }

  stalenessOf(smmu: string): StalenessWatcher | undefined {
    return this.coherence?.watch(smmu);
  }

  /** All effects since the last call. */
  take(): MachineEffect[] {
    this.flush();
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  add(effect: MachineEffect): void {
    this.flush();
    this.effects.push(effect);
  }

  steAtSync(e: { smmu: string; streamId: number; words: readonly bigint[] }): void {
    const { smmu, streamId, words } = e;
    this.add({
      kind: 'ste-at-sync',
      payload: { smmu, streamId },
      words: new BigUint64Array(words),
    });
  }

  command(e: {
    smmu: string;
    words: CommandWords;
    removed: Removed;
    origin: 'driver' | 'guest';
  }): void {
    this.coherence?.consumed(e.smmu, e.words);
    if (this.run?.smmu !== e.smmu || this.run.origin !== e.origin) {
      this.flush();
      this.run = { smmu: e.smmu, origin: e.origin, words: [], removed: [] };
    }
    const { configuration, stage1, stage2, nested } = e.removed;
    this.run.words.push(...e.words);
    this.run.removed.push([configuration, stage1, stage2, nested]);
  }

  commandError(e: { smmu: string; words: CommandWords; error: string }): void {
    const { smmu, error, words } = e;
    this.add({
      kind: 'command-error',
      payload: { smmu, error },
      words: new BigUint64Array(words),
    });
  }

  event(e: { smmu: string; record: readonly bigint[] }): void {
    const words = new BigUint64Array(e.record);
    this.add({ kind: 'hardware-event', payload: { smmu: e.smmu }, words });
  }

  guestEvent(e: { device: string; vsid: number; vsmmu?: string; record: readonly bigint[] }): void {
    const vsmmu = e.vsmmu ?? this.vsmmus.get(e.device);
    if (vsmmu === undefined) return; // Without a vDEVICE there is no vEVENTQ to report to.
    this.add({
      kind: 'guest-event',
      payload: { vsmmu, device: e.device, vsid: e.vsid },
      words: new BigUint64Array(e.record),
    });
  }

  pageFault(e: HostPageFault & { device: string; record: readonly bigint[] }): void {
    const { record, address, ...fault } = e;
    this.add({
      kind: 'page-fault',
      payload: { ...fault, address: toHex(address) },
      words: new BigUint64Array(record),
    });
  }

  private flush(): void {
    if (this.run === undefined) return;
    const { smmu, origin, words, removed } = this.run;
    this.run = undefined;
    this.effects.push({
      kind: 'commands',
      payload: { smmu, origin, removed },
      words: new BigUint64Array(words),
    });
  }
}
