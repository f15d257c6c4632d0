import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, unreachable } from '../decision';
import type { Decision, Rejection } from '../decision';
import { addressOf, fromHex, tooWide, toHex } from '../hex';
import { contains, overlaps } from '../host/state';
import type { Range } from '../host/state';
import { PAGE_SIZE } from '../page';
import type { IoasCommand } from './commands';
import { apertureEnd, evolve, SOFTWARE_MSI_WINDOW } from './state';

export const ioasDecider: Decider<'ioas'> = {
  kind: 'ioas',
  commands: { CreateIoas: true, MapIova: true, UnmapIova: true, FreeIoas: true },
  decide,
  evolve,
};

const WORD_MAX = (1n << 64n) - 1n;

type Of<T extends IoasCommand['type']> = Extract<IoasCommand, { type: T }>;

function decide(command: IoasCommand, context: Context): Decision {
  switch (command.type) {
    case 'CreateIoas':
      return create(command, context);
    case 'MapIova':
      return map(command, context);
    case 'UnmapIova':
      return unmap(command, context);
    case 'FreeIoas':
      return free(command, context);
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
  if (state === undefined || state.freed) return absent(command.ioas);
  const range = rangeOf(command);
  if ('ok' in range) return range;
  if (range.base + range.size > apertureEnd(state)) return beyondAperture(command.iova);
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
  if (state.reserved.size > 0 && overlaps(range, SOFTWARE_MSI_WINDOW)) {
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
  const { ioas, iova, length } = command;
  const state = context.get('ioas', ioas);
  if (state === undefined || state.freed) return absent(ioas);
  const everything = fromHex(iova) === 0n && fromHex(length) === WORD_MAX;
  if (fromHex(length) === 0n) return reject('EINVAL', 'ioas.empty', 'a range of no bytes');
  const last = fromHex(iova) + fromHex(length) - 1n;
  if (!everything && (last > WORD_MAX || fromHex(length) === WORD_MAX)) return wraps(command);
  const reach = { first: fromHex(iova), last: everything ? WORD_MAX : last };
  const hit = state.areas.filter((a) => lastOf(a) >= reach.first && BigInt(a.base) <= reach.last);
  // iopt_unmap_iova_range(): areas go in address order; the first that straddles the range ends it.
  const straddling = hit.findIndex((a) => BigInt(a.base) < reach.first || lastOf(a) > reach.last);
  const gone = straddling < 0 ? hit : hit.slice(0, straddling);
  const stopped = stop(hit[straddling], { nothing: gone.length === 0 && !everything, iova });
  const [first, final] = [gone[0], gone.at(-1)];
  if (first === undefined || final === undefined) {
    return stopped === undefined
      ? { ok: true, events: [], answer: { unmapped: '0x0' } }
      : { ok: false, ...stopped };
  }
  const event = {
    type: 'IoasUnmapped',
    ioas,
    iova: toHex(first.base),
    length: toHex(final.base + final.size - first.base),
  } as const;
  const unmapped = toHex(gone.reduce((sum, a) => sum + a.size, 0));
  return {
    ok: true,
    events: [emit('ioas', ioas, event)],
    answer: { unmapped },
    ...(stopped && { stopped }),
  };
}

function stop(
  straddling: Range | undefined,
  found: { nothing: boolean; iova: string },
): Rejection | undefined {
  if (straddling !== undefined) {
    const reason = `the mapping at ${toHex(straddling.base)} reaches beyond the range`;
    return { errno: 'ENOENT', code: 'ioas.straddles', reason };
  }
  if (!found.nothing) return undefined;
  return { errno: 'ENOENT', code: 'ioas.unmapped', reason: `nothing is mapped at ${found.iova}` };
}

function free({ ioas }: Of<'FreeIoas'>, context: Context): Decision {
  const state = context.get('ioas', ioas);
  if (state === undefined || state.freed) return absent(ioas);
  const [table] = state.tables.keys();
  if (table !== undefined) return reject('EBUSY', 'ioas.mirrored', `${table} mirrors ${ioas}`);
  return accept(emit('ioas', ioas, { type: 'IoasFreed', ioas }));
}

function rangeOf(command: Of<'MapIova'>): Range | Decision {
  const end = fromHex(command.iova) + fromHex(command.length);
  if (end >> 64n !== 0n) return wraps(command);
  if (end > 1n << 52n) return beyondAperture(command.iova);
  return { base: addressOf(command.iova), size: addressOf(command.length) };
}

function lastOf(area: Range): bigint {
  return BigInt(area.base + area.size - 1);
}

function absent(ioas: string): Decision {
  return reject('ENOENT', 'ioas.absent', `no IOAS ${ioas}`);
}

function wraps({ iova, length }: { iova: string; length: string }): Decision {
  return reject('EOVERFLOW', 'ioas.overflow', `${iova} + ${length} wraps`);
}

function beyondAperture(iova: string): Decision {
  return reject('EINVAL', 'ioas.aperture', `${iova} lies beyond an SMMU's input address size`);
}
