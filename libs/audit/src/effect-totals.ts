import type { MachineEffect } from '@steward/machine';
import { commandName } from '@steward/smmu';
import type { CommandName } from '@steward/smmu';

/** How DMA ended, summed over effects. */
export interface DmaTotals {
  accesses: number;
  matched: number;
  faulted: number;
  mismatched: number;
}

/** Whether a command invalidates: TLBI, CFGI and ATC_INV; neither SYNC nor PREFETCH. */
export function isInvalidation(name: CommandName | undefined): name is CommandName {
  return name !== undefined && /^(TLBI_|CFGI_|ATC_INV)/.test(name);
}

/** Sums of everything the machine did, kept up to date effect by effect. */
export class EffectTotals {
  readonly dma: DmaTotals = { accesses: 0, matched: 0, faulted: 0, mismatched: 0 };
  readonly mismatches: string[] = [];
  /** Invalidations the host drivers issued of their own, and all that SMMUs consumed. */
  readonly invalidations = { host: 0, hardware: 0 };
  /** Commands SMMUs consumed, by name. */
  readonly consumed = new Map<CommandName, number>();
  /** Cached entries that commands removed, by level. */
  readonly removed = { configuration: 0, stage1: 0, stage2: 0, nested: 0 };

  add(effect: MachineEffect): void {
    if (effect.kind === 'dma') {
      const { accesses, matched, faulted, mismatched, mismatches } = effect.payload;
      this.dma.accesses += accesses;
      this.dma.matched += matched;
      this.dma.faulted += faulted;
      this.dma.mismatched += mismatched;
      this.mismatches.push(...mismatches);
    }
    if (effect.kind === 'commands') this.addCommands(effect);
  }

  private addCommands(effect: Extract<MachineEffect, { kind: 'commands' }>): void {
    const { words } = effect;
    for (let i = 0; i < words.length; i += 2) {
      const name = commandName([words[i] ?? 0n, words[i + 1] ?? 0n]);
      if (name !== undefined) this.consumed.set(name, (this.consumed.get(name) ?? 0) + 1);
      if (!isInvalidation(name)) continue;
      this.invalidations.hardware++;
      if (effect.payload.origin === 'driver') this.invalidations.host++;
    }
    for (const [configuration, stage1, stage2, nested] of effect.payload.removed) {
      this.removed.configuration += configuration;
      this.removed.stage1 += stage1;
      this.removed.stage2 += stage2;
      this.removed.nested += nested;
    }
  }
}
