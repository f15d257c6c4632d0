import { reject, type Decision } from './decision';
import { hostDecider } from './host/decide';
import type { HostCommand } from './host/commands';
import type { HostEvent } from './host/events';
import type { HostState } from './host/state';
import { smmuDecider } from './smmu/decide';
import type { SmmuCommand } from './smmu/commands';
import type { SmmuEvent } from './smmu/events';
import type { SmmuState } from './smmu/state';
import { deviceDecider } from './device/decide';
import type { DeviceCommand } from './device/commands';
import type { DeviceEvent } from './device/events';
import type { DeviceState } from './device/state';
import { vmDecider } from './vm/decide';
import type { VmCommand } from './vm/commands';
import type { VmEvent } from './vm/events';
import type { VmState } from './vm/state';
import { ioasDecider } from './ioas/decide';
import type { IoasCommand } from './ioas/commands';
import type { IoasEvent } from './ioas/events';
import type { IoasState } from './ioas/state';
import { s2ParentDecider } from './s2-parent/decide';
import type { S2ParentCommand } from './s2-parent/commands';
import type { S2ParentEvent } from './s2-parent/events';
import type { S2ParentState } from './s2-parent/state';
import { vsmmuDecider } from './vsmmu/decide';
import type { VsmmuCommand } from './vsmmu/commands';
import type { VsmmuEvent } from './vsmmu/events';
import type { VsmmuState } from './vsmmu/state';
import { nestedDomainDecider } from './nested-domain/decide';
import type { NestedDomainCommand } from './nested-domain/commands';
import type { NestedDomainEvent } from './nested-domain/events';
import type { NestedDomainState } from './nested-domain/state';
import { s1DomainDecider } from './s1-domain/decide';
import type { S1DomainCommand } from './s1-domain/commands';
import type { S1DomainEvent } from './s1-domain/events';
import type { S1DomainState } from './s1-domain/state';
import { veventqDecider } from './veventq/decide';
import type { VeventqCommand } from './veventq/commands';
import type { VeventqEvent } from './veventq/events';
import type { VeventqState } from './veventq/state';
import { faultQueueDecider } from './fault-queue/decide';
import type { FaultQueueCommand } from './fault-queue/commands';
import type { FaultQueueEvent } from './fault-queue/events';
import type { FaultQueueState } from './fault-queue/state';

/** Command, event and state types of every kind of aggregate. */
export interface Aggregates {
  host: { command: HostCommand; event: HostEvent; state: HostState };
  smmu: { command: SmmuCommand; event: SmmuEvent; state: SmmuState };
  device: { command: DeviceCommand; event: DeviceEvent; state: DeviceState };
  vm: { command: VmCommand; event: VmEvent; state: VmState };
  ioas: { command: IoasCommand; event: IoasEvent; state: IoasState };
  's2-parent': { command: S2ParentCommand; event: S2ParentEvent; state: S2ParentState };
  vsmmu: { command: VsmmuCommand; event: VsmmuEvent; state: VsmmuState };
  'nested-domain': {
    command: NestedDomainCommand;
    event: NestedDomainEvent;
    state: NestedDomainState;
  };
  's1-domain': { command: S1DomainCommand; event: S1DomainEvent; state: S1DomainState };
  veventq: { command: VeventqCommand; event: VeventqEvent; state: VeventqState };
  'fault-queue': { command: FaultQueueCommand; event: FaultQueueEvent; state: FaultQueueState };
}

export type AggregateKind = keyof Aggregates;
export type CommandOf<K extends AggregateKind> = Aggregates[K]['command'];
export type EventOf<K extends AggregateKind> = Aggregates[K]['event'];
export type StateOf<K extends AggregateKind> = Aggregates[K]['state'];
export type Command = CommandOf<AggregateKind>;
export type DomainEvent = EventOf<AggregateKind>;

/** What a decision may look at: states of aggregates, each at the version the append will check. */
export interface Context {
  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined;
}

/** An aggregate: how commands are decided and how its state follows from its events. */
export interface Decider<K extends AggregateKind> {
  readonly kind: K;
  /** Command types this aggregate decides. The record makes a forgotten one a type error. */
  readonly commands: Readonly<Record<CommandOf<K>['type'], true>>;
  decide(command: CommandOf<K>, context: Context): Decision;
  /** @throws ImpossibleEventError when the event cannot follow the state. */
  evolve(state: StateOf<K> | undefined, event: EventOf<K>): StateOf<K>;
}

/** Every aggregate by kind. */
export const DECIDERS: { readonly [K in AggregateKind]: Decider<K> } = {
  host: hostDecider,
  smmu: smmuDecider,
  device: deviceDecider,
  vm: vmDecider,
  ioas: ioasDecider,
  's2-parent': s2ParentDecider,
  vsmmu: vsmmuDecider,
  'nested-domain': nestedDomainDecider,
  's1-domain': s1DomainDecider,
  veventq: veventqDecider,
  'fault-queue': faultQueueDecider,
};

export const AGGREGATE_KINDS = Object.keys(DECIDERS) as AggregateKind[];

const KIND_OF_COMMAND = new Map<string, AggregateKind>(
  AGGREGATE_KINDS.flatMap((kind) =>
    Object.keys(DECIDERS[kind].commands).map((type) => [type, kind] as const),
  ),
);

/** The kind of aggregate that decides commands of this type, if it is a command at all. */
export function kindOfCommand(type: string): AggregateKind | undefined {
  return KIND_OF_COMMAND.get(type);
}

/** Decides any command with the aggregate it belongs to. */
export function decide(command: Command, context: Context): Decision {
  const kind = KIND_OF_COMMAND.get(command.type);
  if (kind === undefined) throw new RangeError(`no aggregate decides ${command.type}`);
  return (DECIDERS[kind] as Decider<AggregateKind>).decide(command, context);
}

/** Decides a command about a host: nothing is decided any more about one that is closed. */
export function decideOn(host: string, command: Command, context: Context): Decision {
  if (context.get('host', host)?.closed) {
    return reject('ENODEV', 'host.closed', `host ${host} is closed`);
  }
  return decide(command, context);
}

/** Kind and id of a stream name. @throws RangeError when it names no kind of aggregate. */
export function parseStream(stream: string): { kind: AggregateKind; id: string } {
  const slash = stream.indexOf('/');
  const kind = stream.slice(0, slash);
  if (slash < 1 || !Object.hasOwn(DECIDERS, kind) || slash === stream.length - 1) {
    throw new RangeError(
      `"${stream}" is not KIND/ID with KIND one of ${AGGREGATE_KINDS.join(', ')}`,
    );
  }
  return { kind: kind as AggregateKind, id: stream.slice(slash + 1) };
}
