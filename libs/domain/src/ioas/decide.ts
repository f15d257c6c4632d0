import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, unreachable } from '../decision';
import type { Decision, Rejection } from '../decision';
import { fromHex, toHex } from '../hex';
import type { Range } from '../host/state';
import type { IoasCommand } from './commands';
import { isReserved, meet } from './iova-ranges';
import { copy, map } from './map';
import { evolve } from './state';

export const ioasDecider: Decider<'ioas'> = {
  kind: 'ioas',
  commands: {
    CreateIoas: true,
    MapIova: true,
    CopyIova: true,
    UnmapIova: true,
    AllowIovas: true,
    SetHugePages: true,
    FreeIoas: true,
  },
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
    case 'CopyIova':
      return copy(command, context);
    case 'UnmapIova':
      return unmap(command, context);
    case 'AllowIovas':
      return allow(command, context);
    case 'SetHugePages':
      return setHugePages(command, context);
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

/** iommufd_ioas_allow_iovas(): as a whole, or not at all. */
function allow({ ioas, ranges }: Of<'AllowIovas'>, context: Context): Decision {
  const state = context.get('ioas', ioas);
  if (state === undefined || state.freed) return absent(ioas);
  const wanted = ranges.map(({ first, last }) => ({ first: fromHex(first), last: fromHex(last) }));
  const bad = wanted.findIndex(
    (one, i) => one.first >= one.last || wanted.slice(0, i).some((other) => meet(other, one)),
  );
  if (bad >= 0) {
    const { first, last } = ranges[bad]!;
    return reject('EINVAL', 'ioas.range', `${first}..${last} is no range, or one of several there`);
  }
  if (wanted.some((one) => isReserved(state, one))) {
    return reject('EADDRINUSE', 'ioas.reserved', `part of the ranges is reserved in ${ioas}`);
  }
  return accept(emit('ioas', ioas, { type: 'IoasIovasAllowed', ioas, ranges }));
}

/** iommufd_ioas_option_huge_pages(): too late once something is mapped in a table. */
function setHugePages({ ioas, enabled }: Of<'SetHugePages'>, context: Context): Decision {
  const state = context.get('ioas', ioas);
  if (state === undefined || state.freed) return absent(ioas);
  if (state.hugePages === enabled) return accept();
  if (!enabled && state.tables.size > 0 && state.areas.length > 0) {
    return reject('EINVAL', 'ioas.mirrored', `tables map what ${ioas} maps already`);
  }
  return accept(emit('ioas', ioas, { type: 'IoasHugePagesSet', ioas, enabled }));
}

function unmap(command: Of<'UnmapIova'>, context: Context): Decision {
  const { ioas, iova, length } = command;
  const state = context.get('ioas', ioas);
  if (state === undefined || state.freed) return absent(ioas);
  const everything = fromHex(iova) === 0n && fromHex(length) === WORD_MAX;
  const edge = fromHex(iova) === WORD_MAX || fromHex(length) === WORD_MAX;
  if (!everything && edge) return wraps(command);
  if (fromHex(length) === 0n) return reject('EINVAL', 'ioas.empty', 'a range of no bytes');
  const last = fromHex(iova) + fromHex(length) - 1n;
  if (!everything && last > WORD_MAX) return wraps(command);
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

function lastOf(area: Range): bigint {
  return BigInt(area.base + area.size - 1);
}

function absent(ioas: string): Decision {
  return reject('ENOENT', 'ioas.absent', `no IOAS ${ioas}`);
}

function wraps({ iova, length }: { iova: string; length: string }): Decision {
  return reject('EOVERFLOW', 'ioas.overflow', `${iova} + ${length} wraps`);
}
