import { HOST_POLICIES } from '@steward/host';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision } from '../decision';
import { addressOf, tooWide } from '../hex';
import { PAGE_SIZE } from '../page';
import type { HostCommand } from './commands';
import type { Region } from './events';
import { isForgettable } from './forgotten';
import { evolve, overlaps } from './state';

export const hostDecider: Decider<'host'> = {
  kind: 'host',
  commands: { RegisterHost: true, ChangePolicy: true, CloseHost: true },
  decide,
  evolve,
};

function decide(command: HostCommand, context: Context): Decision {
  if (command.type === 'CloseHost') return close(command, context);
  if (!HOST_POLICIES.includes(command.policy)) {
    return reject('EINVAL', 'host.policy', `no policy ${String(command.policy)}`);
  }
  return command.type === 'RegisterHost'
    ? register(command, context)
    : changePolicy(command, context);
}

function register(command: Of<'RegisterHost'>, context: Context): Decision {
  const { host, policy, memory } = command;
  if (context.get('host', host) !== undefined) {
    return reject('EEXIST', 'host.exists', `host ${host} is registered already`);
  }
  const problem = memoryProblem(memory);
  if (problem !== undefined) return reject('EINVAL', 'host.memory', problem);
  const stray = command.forgets?.find((name) => !isForgettable(name));
  if (stray !== undefined) return reject('EINVAL', 'host.forgets', `no command ${stray}`);
  const forgets = command.forgets?.length ? { forgets: command.forgets } : {};
  return accept(emit('host', host, { type: 'HostRegistered', host, policy, memory, ...forgets }));
}

function changePolicy({ host, policy }: Of<'ChangePolicy'>, context: Context): Decision {
  const state = context.get('host', host);
  if (state === undefined) return reject('ENOENT', 'host.absent', `no host ${host}`);
  if (state.policy === policy) return accept();
  return accept(emit('host', host, { type: 'HostPolicyChanged', host, policy }));
}

function close({ host }: Of<'CloseHost'>, context: Context): Decision {
  const state = context.get('host', host);
  if (state === undefined) return reject('ENOENT', 'host.absent', `no host ${host}`);
  for (const id of state.devices) {
    const device = context.get('device', id);
    if (device?.vm !== undefined) {
      return reject('EBUSY', 'host.in-use', `device ${id} of ${host} is held by ${device.vm}`);
    }
  }
  return accept(emit('host', host, { type: 'HostClosed', host }));
}

type Of<T extends HostCommand['type']> = Extract<HostCommand, { type: T }>;

function memoryProblem(memory: readonly Region[]): string | undefined {
  const wide = tooWide(...memory.flatMap((r) => [r.base, r.size]));
  if (wide !== undefined) return `${wide} is no address or size below 2^52`;
  const ranges = memory.map((r) => ({ base: addressOf(r.base), size: addressOf(r.size) }));
  const odd = ranges.find((r) => r.size === 0 || r.base % PAGE_SIZE || r.size % PAGE_SIZE);
  if (odd) return `region at 0x${odd.base.toString(16)} is empty or not 4 KiB aligned`;
  const clash = ranges.find((a, i) => ranges.some((b, j) => j > i && overlaps(a, b)));
  if (clash) return `region at 0x${clash.base.toString(16)} overlaps another`;
  if (!memory.some((r) => r.use === 'kernel')) {
    return 'no kernel region: the driver needs memory for its tables';
  }
  return undefined;
}
