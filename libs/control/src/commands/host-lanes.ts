import { Injectable } from '@nestjs/common';
import type { Command } from '@steward/domain';
import type { StoredCommit } from '@steward/ledger';
import { ProcessManagers } from '../process-managers/process-managers';
import type { PendingReaction } from '../process-managers/process-managers';
import { Projection } from '../projection/projection';
import type { AppliedCommit } from '../projection/projection';
import { CommitWriter } from './commit-writer';
import type { Answer, Request } from './decide-command';

/**
 * One lane a host: commands are decided one after the other, and the process managers' reactions to a
 * command are through before the next one is looked at, as a guest waits for its CMD_SYNC.
 */
@Injectable()
export class HostLanes {
  private readonly tails = new Map<string, Promise<unknown>>();

  constructor(
    private readonly writer: CommitWriter,
    private readonly projection: Projection,
    private readonly managers: ProcessManagers,
  ) {}

  execute(command: Command, request: Request): Promise<Answer> {
    return this.inLane(request.host, async () => {
      const { commit, reactions } = await this.commit(command, request);
      await this.settle(reactions);
      return answerOf(commit);
    });
  }

  /**
   * Folds what the ledger holds, then finishes reactions that a crash cut off.
   * @param follow is told of each commit that is folded.
   */
  async open(follow: (applied: AppliedCommit) => void = () => undefined): Promise<void> {
    await this.projection.catchUp((applied) => {
      this.managers.recall(applied.commit, applied.effects);
      follow(applied);
    });
    for (const reaction of this.managers.takeUnfinished()) {
      await this.inLane(reaction.request.host, () => this.settle([reaction]));
    }
  }

  private inLane<T>(host: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.tails.get(host) ?? Promise.resolve()).then(work);
    // A failed turn must not fail the next one; its own caller is told.
    this.tails.set(
      host,
      turn.catch(() => undefined),
    );
    return turn;
  }

  private async settle(reactions: readonly PendingReaction[]): Promise<void> {
    const queue = [...reactions];
    for (let reaction = queue.shift(); reaction; reaction = queue.shift()) {
      let step = reaction.steps.next();
      for (let k = 0; !step.done; k++) {
        const { request } = reaction;
        const commandId = `${request.commandId}#${k}`;
        const done = await this.commit(step.value, { ...request, commandId });
        queue.push(...done.reactions);
        step = reaction.steps.next({ ok: done.commit.outcome.ok });
      }
    }
  }

  /** A command that the ledger knows already was applied and reacted to when it was new. */
  private async commit(
    command: Command,
    request: Request,
  ): Promise<{ commit: StoredCommit; reactions: PendingReaction[] }> {
    this.projection.assertRunning(request.host);
    const { commit, fresh } = await this.writer.write(command, request);
    if (!fresh) return { commit, reactions: [] };
    const effects = this.projection.apply(commit);
    return { commit, reactions: this.managers.reactionsTo(commit, effects) };
  }
}

function answerOf({ position, outcome }: StoredCommit): Answer {
  if (outcome.ok) return { ok: true, position };
  return { ...outcome, ok: false, position } as Answer;
}
