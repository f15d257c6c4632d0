import {
  COMMANDS,
  opcodeOf,
  type CommandWords,
  type Removed,
  type SmmuObserver,
  type StalenessWatcher,
} from '@steward/smmu';
import type { HostObserver } from './observer';

/** Whose commands the SMMUs are consuming just now. */
export interface CommandOrigin {
  now: 'driver' | 'guest';
}

/** Hands on which commands one SMMU stopped at, with its name. */
export class ErrorReports implements SmmuObserver {
  readonly staleness: StalenessWatcher | undefined;

  constructor(
    protected readonly smmu: string,
    protected readonly observer: HostObserver,
  ) {
    this.staleness = observer.stalenessOf?.(smmu);
  }

  commandError(words: CommandWords, error: string): void {
    this.observer.commandError?.({ smmu: this.smmu, words, error });
  }
}

/** Hands on each command as well, and whose it is: an SMMU counts what a command removes only for someone who is told. */
export class CommandReports extends ErrorReports {
  constructor(
    smmu: string,
    observer: HostObserver,
    private readonly origin: CommandOrigin,
  ) {
    super(smmu, observer);
  }

  commandConsumed(words: CommandWords, removed: Removed): void {
    // The CMD_SYNC behind a guest's commands is the driver's own.
    const isSync = opcodeOf(words) === COMMANDS.SYNC.opcode;
    const origin = isSync ? 'driver' : this.origin.now;
    this.observer.command?.({ smmu: this.smmu, words, removed, origin });
  }
}

/** Hands on what one SMMU reports to whoever observes its host. */
export function smmuReports(
  smmu: string,
  observer: HostObserver,
  origin: CommandOrigin,
): SmmuObserver {
  return observer.command === undefined
    ? new ErrorReports(smmu, observer)
    : new CommandReports(smmu, observer, origin);
}
