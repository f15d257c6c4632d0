import type { MachineEffect } from '@steward/machine';
import type { Pipeline } from './pipeline';
import { line, type Step } from './recording-format';
import type { Renaming } from './renaming';
import { HOST, type SetUp } from './set-ups';

/** A field of a step in which the recording and the model differ. */
export interface Difference {
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

const STE_WORDS_SHOWN = 4;

/** Compares what the hardware was made to do during a step with what was recorded. */
export class HardwareObserver {
  private before = new Map<string, readonly bigint[]>();
  /** S2TTB of each nest parent that was ever in an STE. */
  private readonly tables = new Map<string, bigint>();

  constructor(
    private readonly pipeline: Pipeline,
    private readonly setUp: SetUp,
    private readonly renaming: Renaming,
  ) {
    this.before = this.stes();
  }

  /** @param summarized the recording gives no commands for this step. */
  compare(
    step: Step,
    summarized: boolean,
  ): { differences: Difference[]; effects: readonly MachineEffect[] } {
    const { effects, events } = this.pipeline.take();
    const differences: Difference[] = [];
    const check = (field: string, expected: unknown, actual: unknown): void => {
      if (JSON.stringify(expected) === JSON.stringify(actual)) return;
      differences.push({ field, expected, actual });
    };
    for (const event of events) {
      if (event.type !== 'DeviceAttached' || event.parent === undefined) continue;
      const ttb = this.ste(event.device)[3] ?? 0n;
      if (ttb !== 0n) this.tables.set(event.parent, ttb);
    }
    const stes = this.stesAtSync(step, effects);
    check('ste_at_sync', step.ste_at_sync ?? [], stes);
    if (!summarized) {
      for (const [i, smmu] of this.setUp.smmus.entries()) {
        const recorded = (i === 0 ? step.cmds : step.cmds_smmu1) ?? [];
        check(i === 0 ? 'cmds' : 'cmds_smmu1', recorded, this.commands(smmu, effects, recorded));
      }
    }
    check('ste_change', step.ste_change ?? {}, this.changes(step));
    for (const [i, smmu] of this.setUp.smmus.entries()) {
      const recorded = (i === 0 ? step.hw_events : step.hw_events_smmu1) ?? [];
      check(i === 0 ? 'hw_events' : 'hw_events_smmu1', recorded, records(smmu, effects));
    }
    for (const event of events) {
      if (event.type === 'NestParentFreed') this.freed(event.parent);
    }
    return { differences, effects };
  }

  private freed(parent: string): void {
    const ttb = this.tables.get(parent);
    if (ttb !== undefined) this.renaming.forgetAddress(ttb);
    this.tables.delete(parent);
  }

  private commands(
    smmu: string,
    effects: readonly MachineEffect[],
    recorded: readonly string[],
  ): string[] {
    const lines: string[] = [];
    for (const effect of effects) {
      if (effect.kind !== 'commands' || effect.payload.smmu !== smmu) continue;
      for (let i = 0; i < effect.words.length; i += 2) {
        const command = [effect.words[i]!, effect.words[i + 1]!];
        lines.push(this.renaming.command(smmu, command, recorded[lines.length]));
      }
    }
    return lines;
  }

  private stesAtSync(step: Step, effects: readonly MachineEffect[]) {
    const shown: { dev: string; ste: string[] }[] = [];
    for (const effect of effects) {
      if (effect.kind !== 'ste-at-sync') continue;
      const { smmu, streamId } = effect.payload;
      const device = this.setUp.devices.find((d) => d.smmu === smmu && d.streamId === streamId);
      const recorded = step.ste_at_sync?.[shown.length]?.ste;
      const ste = this.renaming.ste(smmu, [...effect.words], recorded).split(' ');
      shown.push({ dev: device?.name ?? '', ste: ste.slice(0, STE_WORDS_SHOWN) });
    }
    return shown;
  }

  private changes(step: Step) {
    const now = this.stes();
    const changes: Record<string, { before: string[]; after: string[] }> = {};
    for (const { name, smmu } of this.setUp.devices) {
      const [before, after] = [this.before.get(name)!, now.get(name)!];
      if (line(before) === line(after)) continue;
      const recorded = step.ste_change?.[name];
      const renamed = (ste: readonly bigint[], as: readonly string[] | undefined): string[] =>
        this.renaming.ste(smmu, ste, as).split(' ');
      changes[name] = {
        before: renamed(before, recorded?.before),
        after: renamed(after, recorded?.after),
      };
    }
    this.before = now;
    return changes;
  }

  private stes(): Map<string, readonly bigint[]> {
    return new Map(this.setUp.devices.map(({ name }) => [name, this.ste(name)]));
  }

  private ste(device: string): readonly bigint[] {
    return this.pipeline.machine.host(HOST).physicalSte(device);
  }
}

function records(smmu: string, effects: readonly MachineEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === 'hardware-event' && effect.payload.smmu === smmu
      ? [line([...effect.words])]
      : [],
  );
}
