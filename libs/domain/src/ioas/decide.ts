import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, unreachable } from '../decision';
import type { Decision } from '../decision';
import { addressOf, fromHex, tooWide } from '../hex';
import { contains, overlaps } from '../host/state';
import type { Range } from '../host/state';
import { PAGE_SIZE } from '../page';
import type { IoasCommand } from './commands';
import { evolve, SOFTWARE_MSI_WINDOW } from './state';

export const ioasDecider: Decider<'ioas'> = {
  kind: 'ioas',
  commands: { CreateIoas: true, MapIova: true, UnmapIova: true },
  decide,
  evolve,
};

type Of<T extends IoasCommand['type']> = Extract<IoasCommand, { type: T }>;

function decide(command: IoasCommand, context: Context): Decision {
  switch (command.type) {
    case 'CreateIoas':
      return create(command, context);
    case 'MapIova':
      return map(command, context);
    case 'UnmapIova':
      return unmap(command, context);
    default:
      return unreachable(command);
  }
}

function create({ ioas, vm }: Of<'CreateIoas'>, context: Context): Decision {
  if (context.get('vm', vm) === undefined) return reject('ENOENT', 'vm.absent', `no VM ${vm}`);
  if (context.get('ioas', ioas) !== undefined) {
    return reject('EEXIST', 'ioas.exists', `IOAS ${ioas} exists already`);
  }
  return accept(emit('ioas', ioas, { type: 'IoasCreated', ioas, vm }));
}

function map(command: Of<'MapIova'>, context: Context): Decision {
  const state = context.get('ioas', command.ioas);
  if (state === undefined) return reject('ENOENT', 'ioas.absent', `no IOAS ${command.ioas}`);
  const range = rangeOf(command);
  if ('ok' in range) return range;
  if (tooWide(command.pa) !== undefined) {
    return reject('EFAULT', 'ioas.memory', `${command.pa} is not memory of ${state.vm}`);
  }
  const pa = addressOf(command.pa);
  if (range.size === 0 || [range.base, range.size, pa].some((x) => x % PAGE_SIZE !== 0)) {
    return reject('EINVAL', 'ioas.alignment', 'IOVA, length and memory must be whole 4 KiB pages');
  }
  const vm = context.get('vm', state.vm);
  const backed = vm?.ram.some((r) =>
    contains({ base: r.pa, size: r.size }, { base: pa, size: range.size }),
  );
  if (!backed) {
    return reject('EFAULT', 'ioas.memory', `${command.pa} is not memory of ${state.vm}`);
  }
  // iopt_alloc_iova()/iopt_check_iova(): a reserved range is EINVAL, an existing area EEXIST.
  if (state.reserved && overlaps(range, SOFTWARE_MSI_WINDOW)) {
    return reject('EINVAL', 'ioas.reserved', `${command.iova} lies in the software-MSI window`);
  }
  if (state.areas.some((a) => overlaps(a, range))) {
    return reject('EEXIST', 'ioas.mapped', `${command.iova} is mapped already`);
  }
  const { ioas, iova, length, read, write } = command;
  return accept(
    emit('ioas', ioas, { type: 'IoasMapped', ioas, iova, length, pa: command.pa, read, write }),
  );
}

function unmap(command: Of<'UnmapIova'>, context: Context): Decision {
  const state = context.get('ioas', command.ioas);
  if (state === undefined) return reject('ENOENT', 'ioas.absent', `no IOAS ${command.ioas}`);
  const range = rangeOf(command);
  if ('ok' in range) return range;
  const hit = state.areas.filter((a) => overlaps(a, range));
  if (hit.length === 0) {
    return reject('ENOENT', 'ioas.unmapped', `nothing is mapped at ${command.iova}`);
  }
  // The kernel takes areas away one after the other and stops at the first that straddles the range;
  // here a straddling area refuses the whole unmap (see the room's README).
  const straddling = hit.find((a) => !contains(range, a));
  if (straddling !== undefined) {
    const at = `0x${straddling.base.toString(16)}`;
    return reject('ENOENT', 'ioas.straddles', `the mapping at ${at} reaches beyond the range`);
  }
  const { ioas, iova, length } = command;
  return accept(emit('ioas', ioas, { type: 'IoasUnmapped', ioas, iova, length }));
}

function rangeOf(command: Of<'MapIova'> | Of<'UnmapIova'>): Range | Decision {
  const end = fromHex(command.iova) + fromHex(command.length);
  if (end >> 64n !== 0n) {
    return reject('EOVERFLOW', 'ioas.overflow', `${command.iova} + ${command.length} wraps`);
  }
  if (end > 1n << 52n) {
    return reject('EINVAL', 'ioas.aperture', `${command.iova} lies beyond every SMMU's IPA size`);
  }
  return { base: addressOf(command.iova), size: addressOf(command.length) };
}
