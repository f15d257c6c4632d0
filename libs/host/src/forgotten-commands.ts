import { commandName, type CommandName, type CommandWords } from '@steward/smmu';
import type { CommandTap, TappedQueue } from './command-tap';

/**
 * A driver that forgets some of its commands: the defect behind an incident, played again on purpose.
 * What it converts for guests it does not forget.
 */
export class ForgottenCommands implements CommandTap {
  constructor(
    private readonly names: readonly CommandName[],
    /** What the other commands pass. */
    private readonly inner: CommandTap | undefined,
  ) {}

  issue(
    queue: TappedQueue,
    commands: readonly CommandWords[],
    forward: (commands: readonly CommandWords[]) => void,
  ): void {
    const kept = commands.filter((words) => !this.forgets(queue, words));
    if (this.inner === undefined) forward(kept);
    else this.inner.issue(queue, kept, forward);
  }

  private forgets({ origin }: TappedQueue, words: CommandWords): boolean {
    const name = commandName(words);
    return origin === 'driver' && name !== undefined && this.names.includes(name);
  }
}
