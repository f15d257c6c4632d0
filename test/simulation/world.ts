import { decide, DECIDERS, parseStream, streamOf } from '@steward/domain';
import type {
  AggregateKind,
  Command,
  Context,
  Decider,
  DomainEvent,
  StateOf,
} from '@steward/domain';
import { Machine } from '@steward/machine';
import type { Finding, MachineEffect, MachineOptions } from '@steward/machine';
import { reactionToEvent, reactToFault, viewOf } from '@steward/vmm';
import type { Reaction, VsmmuView } from '@steward/vmm';

export const HOST = 'h';

/** What came of one command from outside, the VMMs' reactions included. */
export interface Came {
  readonly ok: boolean;
  readonly errno?: string;
}

/** What is heard of every commit. */
export interface Listener {
  applied(e: {
    readonly position: number;
    readonly command: Command;
    readonly events: readonly DomainEvent[];
    readonly effects: readonly MachineEffect[];
    readonly findings: readonly Finding[];
  }): void;
}

export interface WorldOptions extends MachineOptions {
  /** A command that the VMMs do not give, though they should. */
  readonly vmmSkips?: Command['type'];
}

/** Command → decide → events → machine → the VMMs' reactions, at once and with no ledger. */
export class World implements Context {
  readonly machine: Machine;
  position = 0;
  private readonly states = new Map<string, unknown>();

  constructor(
    private readonly listener: Listener,
    private readonly options: WorldOptions = {},
  ) {
    this.machine = new Machine(options);
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(streamOf(kind, id)) as StateOf<K> | undefined;
  }

  /** Decides a command, lets the machine follow, and the VMMs act. */
  ask(command: Command): Came {
    const decision = decide(command, this);
    if (!decision.ok) return { ok: false, errno: decision.errno };
    const position = ++this.position;
    const events = decision.events as unknown as { stream: string; event: DomainEvent }[];
    const before = new Map<string, unknown>();
    for (const { stream, event } of events) {
      if (!before.has(stream)) before.set(stream, this.states.get(stream));
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<AggregateKind>;
      const state = this.states.get(stream) as StateOf<AggregateKind> | undefined;
      this.states.set(stream, decider.evolve(state, event as never));
    }
    const { effects, findings } = this.machine.apply({ position, host: HOST, events });
    const all = events.map(({ event }) => event);
    this.listener.applied({ position, command, events: all, effects, findings });
    const reactions = [
      ...events.map(({ stream, event }) => this.reactionTo(stream, event, before.get(stream))),
      ...effects.map((effect) => this.reactionToEffect(effect)),
    ];
    for (const reaction of reactions) if (reaction !== undefined) this.run(reaction);
    return decision.stopped === undefined
      ? { ok: true }
      : { ok: false, errno: decision.stopped.errno };
  }

  /** @throws Error when the command is refused: the fleet asks only for what the kernel permits. */
  mustAsk(command: Command): void {
    const { ok, errno } = this.ask(command);
    if (!ok) throw new Error(`${command.type} at ${this.position}: ${errno}`);
  }

  private run(reaction: Reaction): void {
    for (let next = reaction.next(); next.done !== true;) {
      const skipped = next.value.type === this.options.vmmSkips;
      next = reaction.next({ ok: skipped || this.ask(next.value).ok });
    }
  }

  private reactionTo(stream: string, event: DomainEvent, before: unknown): Reaction | undefined {
    const { id } = parseStream(stream);
    const of = {
      vsmmu: id,
      state: () => this.get('vsmmu', id)!,
      view: () => this.view(id),
      cr0Before: () => (before as StateOf<'vsmmu'> | undefined)?.registers.get('CR0') ?? 0n,
    };
    return reactionToEvent(event, of, String(this.position));
  }

  private reactionToEffect(effect: MachineEffect): Reaction | undefined {
    if (effect.kind !== 'guest-event') return undefined;
    if (this.get('vsmmu', effect.payload.vsmmu) === undefined) return undefined;
    return reactToFault(this.view(effect.payload.vsmmu), effect.words);
  }

  private view(vsmmu: string): VsmmuView {
    const state = this.get('vsmmu', vsmmu)!;
    return viewOf(vsmmu, state, {
      device: (id) => this.get('device', id),
      readGuest: (ipa) => this.machine.host(HOST).readGuest(state.vm, ipa),
    });
  }
}
