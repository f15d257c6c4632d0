import {
  COMMANDS,
  opcodeOf,
  type CommandWords,
  type Removed,
  type SmmuObserver,
} from '@steward/smmu';
import type { HostObserver } from './observer';

/** Whose commands the SMMUs are consuming just now. */
export interface CommandOrigin {
  now: 'driver' | 'guest';
}

/** Hands on what one SMMU reports, with its name and whose commands it is about. */
export class SmmuReports implements SmmuObserver {
  constructor(
    private readonly smmu: string,
    private readonly origin: CommandOrigin,
    private readonly observer: HostObserver,
  ) {}

  commandConsumed(words: CommandWords, removed: Removed): void {
    // The CMD_SYNC behind a guest's commands is the driver's own.
    const isSync = opcodeOf(words) === COMMANDS.SYNC.opcode;
    const origin = isSync ? 'driver' : this.origin.now;
    this.observer.command?.({ smmu: this.smmu, words, removed, origin });
  }

  commandError(words: CommandWords, error: string): void {
    this.observer.commandError?.({ smmu: this.smmu, words, error });
  }
}
