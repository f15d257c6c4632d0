import { Injectable } from '@nestjs/common';
import { DECIDERS, eventOf, parseStream } from '@steward/domain';
import type { Command, DeviceState, DomainEvent, VsmmuState } from '@steward/domain';
import type { StoredCommit } from '@steward/ledger';
import type { MachineEffect } from '@steward/machine';
import { reactionToEvent, reactToFault, viewOf } from '@steward/vmm';
import type { Reaction, VsmmuView } from '@steward/vmm';
import type { Request } from '../commands/decide-command';
import { Projection } from '../projection/projection';

/** A VMM's reaction to a commit, ready to run; its k-th command has the id `${commandId}#k`. */
export interface PendingReaction {
  readonly request: Request;
  readonly steps: Reaction;
}

/**
 * Lets each guest's VMM react to what its guest and its devices do, and the kernel's fault handler queue page faults. Ids of the commands follow from
 * their cause, so a reaction that is run again after a crash repeats nothing.
 */
@Injectable()
export class ProcessManagers {
  private readonly vsmmus = new Map<string, VsmmuState>();
  private readonly devices = new Map<string, DeviceState>();
  /** By host. */
  private readonly unfinished = new Map<string, PendingReaction[]>();

  constructor(private readonly projection: Projection) {}

  /** What the VMMs do about a commit of the live run. */
  reactionsTo(commit: StoredCommit, effects: readonly MachineEffect[]): PendingReaction[] {
    const reactions: PendingReaction[] = [];
    for (const stored of commit.events) {
      const event = eventOf(stored);
      const before = this.follow(stored.stream, event);
      const cause = `${commit.position}/${stored.idx}`;
      const { id } = parseStream(stored.stream);
      const of = {
        vsmmu: id,
        state: () => this.vsmmu(id),
        view: () => this.view(commit.host, id),
        cr0Before: () => before ?? 0n,
      };
      const steps = reactionToEvent(event, of, cause.replace('/', '.'));
      if (steps) reactions.push(this.pending(commit, id, cause, steps));
    }
    effects.forEach((effect, i) => {
      const cause = `${commit.position}/effect.${i}`;
      if (effect.kind === 'page-fault') {
        const command = { type: 'ReportPageFault', ...effect.payload } as const;
        reactions.push({ request: requestOf(commit, 'kernel', cause), steps: only(command) });
      }
      if (effect.kind !== 'guest-event') return;
      const { vsmmu } = effect.payload;
      const steps = reactToFault(this.view(commit.host, vsmmu), effect.words);
      reactions.push(this.pending(commit, vsmmu, cause, steps));
    });
    return reactions;
  }

  /**
   * Follows an old commit. A host's lane lets reactions finish before it takes the next command from
   * outside, so only those since the last such command can be unfinished.
   */
  recall(commit: StoredCommit, effects: readonly MachineEffect[]): void {
    if (commit.causationId === undefined) this.unfinished.delete(commit.host);
    const open = this.unfinished.get(commit.host) ?? [];
    this.unfinished.set(commit.host, [...open, ...this.reactionsTo(commit, effects)]);
  }

  /** Reactions that a crash may have cut off. Running one that was through changes nothing. */
  takeUnfinished(): PendingReaction[] {
    const reactions = [...this.unfinished.values()].flat();
    this.unfinished.clear();
    return reactions;
  }

  private pending(
    commit: StoredCommit,
    vsmmu: string,
    cause: string,
    steps: Reaction,
  ): PendingReaction {
    const request = requestOf(commit, `vmm:${this.vsmmu(vsmmu).vm}`, cause);
    return { request, steps };
  }

  /** Keeps the vSMMU and device states; returns CR0 as it was before a register write. */
  private follow(stream: string, event: DomainEvent): bigint | undefined {
    const { kind, id } = parseStream(stream);
    if (kind === 'device') {
      this.devices.set(id, DECIDERS.device.evolve(this.devices.get(id), event as never));
    }
    if (kind !== 'vsmmu') return undefined;
    const state = this.vsmmus.get(id);
    this.vsmmus.set(id, DECIDERS.vsmmu.evolve(state, event as never));
    return state?.registers.get('CR0');
  }

  private view(host: string, vsmmu: string): VsmmuView {
    const state = this.vsmmu(vsmmu);
    return viewOf(vsmmu, state, {
      device: (id) => this.devices.get(id),
      readGuest: (ipa) => this.projection.machine.host(host).readGuest(state.vm, ipa),
    });
  }

  private vsmmu(id: string): VsmmuState {
    const state = this.vsmmus.get(id);
    if (state === undefined) throw new Error(`no vSMMU ${id} in the log so far`);
    return state;
  }
}

function requestOf(commit: StoredCommit, actor: string, cause: string): Request {
  return {
    host: commit.host,
    actor,
    commandId: cause,
    causationId: String(commit.position),
    correlationId: commit.correlationId ?? String(commit.position),
  };
}

/** The kernel's own part in what follows: one command. */
function* only(command: Command): Reaction {
  yield command;
}
