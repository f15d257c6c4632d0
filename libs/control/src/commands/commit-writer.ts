import { Inject, Injectable } from '@nestjs/common';
import { decideOn, toStored, toStoredEvent } from '@steward/domain';
import type { Command, Decision, Rejection } from '@steward/domain';
import type { CommitDraft, JsonObject, Ledger, StoredCommit } from '@steward/ledger';
import { CLOCK, LEDGER, SNAPSHOTS } from '../ports';
import type { Clock, SnapshotTrigger } from '../ports';
import { AggregateStates } from './aggregate-states';
import type { Request } from './decide-command';

const ATTEMPTS = 8;

/** A command id came back with another body: the caller's mistake, nothing was written. */
export class CommandIdReusedError extends Error {
  override readonly name = 'CommandIdReusedError';
}

/** Other writers moved what the decision looked at, again and again. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

/** Load, decide, append, answer. */
@Injectable()
export class CommitWriter {
  constructor(
    @Inject(LEDGER) private readonly ledger: Ledger,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly states: AggregateStates,
    @Inject(SNAPSHOTS) private readonly snapshots: SnapshotTrigger,
  ) {}

  /**
   * Decides a command and commits what came of it, a rejection too. `fresh` is false when the ledger
   * held the answer already.
   */
  async write(
    command: Command,
    request: Request,
  ): Promise<{ commit: StoredCommit; fresh: boolean }> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { value, reads } = await this.states.deciding((context) =>
        decideOn(request.host, command, context),
      );
      const result = await this.ledger.append(this.draft(command, request, value, reads));
      switch (result.kind) {
        case 'appended':
          this.states.follow(result.commit);
          this.snapshots.committed(result.commit.events.length);
          return { commit: result.commit, fresh: true };
        case 'duplicate':
          return { commit: result.commit, fresh: false };
        case 'command-id-reused':
          throw new CommandIdReusedError(
            `command id ${request.commandId} belongs to another command, at ${result.position}`,
          );
        case 'conflict':
          this.states.forget(result.stream);
      }
    }
    throw new ConflictError(`${command.type}: the state it needs moved ${ATTEMPTS} times`);
  }

  private draft(
    command: Command,
    request: Request,
    decision: Decision,
    reads: CommitDraft['reads'],
  ): CommitDraft {
    const { type, payload, words } = toStored(command);
    const { answer } = decision;
    const outcome = {
      ...(decision.ok ? { ok: true as const, ...decision.stopped } : refusal(decision)),
      ...(answer && { answer: answer as JsonObject }),
    };
    const events = decision.ok ? decision.events : [];
    return {
      ...request,
      at: this.clock(),
      command: { type, ...payload } as JsonObject,
      ...(words && { commandWords: words }),
      outcome,
      reads,
      events: events.map(({ stream, event }) => {
        const stored = toStoredEvent(event as never);
        return { stream, ...stored, payload: stored.payload as JsonObject };
      }),
    };
  }
}

function refusal({ errno, code, reason }: Rejection) {
  return { ok: false as const, errno, code, reason };
}
