import { Injectable } from '@nestjs/common';
import { advance, DECIDERS, eventOf, parseStream, queueEntries } from '@steward/domain';
import type { DeviceState, DomainEvent, GuestRegister, VsmmuState } from '@steward/domain';
import type { StoredCommit } from '@steward/ledger';
import type { MachineEffect } from '@steward/machine';
import { reactToFault, reactToGuestCommands, reactToRegisterWrite } from '@steward/vmm';
import type { Reaction, VsmmuView } from '@steward/vmm';
import type { Request } from '../commands/decide-command';
import { Projection } from '../projection/projection';

/** A VMM's reaction to a commit, ready to run; its k-th command has the id `${commandId}#k`. */
export interface PendingReaction {
  readonly request: Request;
  readonly steps: Reaction;
}

/**
 * Lets each guest's VMM react to what its guest and its devices do. Ids of the commands follow from
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
      const steps = this.stepsFor(this.viewer(commit.host, id), event, before, cause);
      if (steps) reactions.push(this.pending(commit, id, cause, steps));
    }
    effects.forEach((effect, i) => {
      if (effect.kind !== 'guest-event') return;
      const { vsmmu } = effect.payload;
      const steps = reactToFault(this.view(commit.host, vsmmu), effect.words);
      reactions.push(this.pending(commit, vsmmu, `${commit.position}/effect.${i}`, steps));
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

  private viewer(host: string, id: string): { id: string; view: () => VsmmuView } {
    return { id, view: () => this.view(host, id) };
  }

  private stepsFor(
    { id, view }: { id: string; view: () => VsmmuView },
    event: DomainEvent,
    before: bigint | undefined,
    cause: string,
  ): Reaction | undefined {
    const name = (n: number): string => `${id}.${cause.replace('/', '.')}.${n}`;
    if (event.type === 'GuestCommandsQueued') {
      const state = this.vsmmu(id);
      const span = 2 * queueEntries(state, 'CMDQ_BASE');
      const cons = advance(state, 'CMDQ_BASE', 'CMDQ_PROD', span - event.count);
      return reactToGuestCommands(view(), { words: event.words, cons, span }, name);
    }
    if (event.type === 'VsmmuRegisterWritten') {
      return reactToRegisterWrite(view(), { register: event.register, before: before ?? 0n }, name);
    }
    return undefined;
  }

  private pending(
    commit: StoredCommit,
    vsmmu: string,
    cause: string,
    steps: Reaction,
  ): PendingReaction {
    const request = {
      host: commit.host,
      actor: `vmm:${this.vsmmu(vsmmu).vm}`,
      commandId: cause,
      causationId: String(commit.position),
      correlationId: commit.correlationId ?? String(commit.position),
    };
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

  /** What the VMM sees now; a later change of the vSMMU does not show in it. */
  private view(host: string, vsmmu: string): VsmmuView {
    const { registers, vdevices, vm } = this.vsmmu(vsmmu);
    const attached = new Map<string, string>();
    for (const device of vdevices.values()) {
      const target = this.devices.get(device)?.attached;
      if (target?.kind === 'nested-domain') attached.set(device, target.id);
    }
    return {
      vsmmu,
      vdevices: guestDevices(vdevices),
      attached,
      register: (name: GuestRegister) => registers.get(name) ?? 0n,
      readGuest: (ipa) => this.projection.machine.host(host).readGuest(vm, ipa),
    };
  }

  private vsmmu(id: string): VsmmuState {
    const state = this.vsmmus.get(id);
    if (state === undefined) throw new Error(`no vSMMU ${id} in the log so far`);
    return state;
  }
}

/** The vDEVICEs a guest can name: those whose virt_id is a StreamID. */
function guestDevices(vdevices: VsmmuState['vdevices']): ReadonlyMap<number, string> {
  return new Map(
    [...vdevices].filter((entry): entry is [number, string] => typeof entry[0] === 'number'),
  );
}
