import type { Context } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision, Emitted, Rejection } from '../decision';
import { addressOf, fromHex, tooWide, toHex } from '../hex';
import type { Hex } from '../hex';
import { contains, overlaps } from '../host/state';
import type { Range } from '../host/state';
import { PAGE_SIZE } from '../page';
import type { IoasCommand } from './commands';
import { chosenIova } from './iova-ranges';
import { apertureEnd, SOFTWARE_MSI_WINDOW } from './state';
import type { IoasState, Mapping } from './state';

type Of<T extends IoasCommand['type']> = Extract<IoasCommand, { type: T }>;

const WORD_MAX = (1n << 64n) - 1n;

/** iopt_map_user_pages(). */
export function map(command: Of<'MapIova'>, context: Context): Decision {
  const state = context.get('ioas', command.ioas);
  if (state === undefined || state.freed) return absent(command.ioas);
  const iova = command.iova ?? chosenFor(state, command);
  if (typeof iova !== 'string') return { ok: false, ...iova };
  const range = rangeOf({ iova, length: command.length });
  if ('errno' in range) return { ok: false, ...range };
  if (range.base + range.size > apertureEnd(state)) return { ok: false, ...beyondAperture(iova) };
  const wide = tooWide(command.pa) !== undefined;
  const pa = wide ? 0 : addressOf(command.pa);
  if (range.size === 0 || [range.base, range.size, pa].some((x) => x % PAGE_SIZE !== 0)) {
    return { ok: false, ...unaligned() };
  }
  const problem = whyNotThere(range, state);
  if (problem !== undefined) return { ok: false, ...problem };
  const vm = context.get('vm', state.vm);
  const backed = vm?.ram.some((r) =>
    contains({ base: r.pa, size: r.size }, { base: pa, size: range.size }),
  );
  if (wide || !backed) return notItsMemory(command.pa, state);
  const { ioas, length, read, write } = command;
  const event = emit('ioas', ioas, {
    ...{ type: 'IoasMapped', ioas, iova, length, pa: command.pa, read, write },
  } as const);
  if (command.iova !== undefined) return accept(event);
  return { ok: true, events: [event], answer: { iova } };
}

/** iopt_get_pages() and iopt_map_pages(): what is mapped without a gap in one IOAS is mapped in another, area by area. */
export function copy(command: Of<'CopyIova'>, context: Context): Decision {
  const { ioas, from, length, read, write } = command;
  const source = context.get('ioas', from);
  if (source === undefined || source.freed) return absent(from);
  const pieces = piecesOf(command, source);
  if ('errno' in pieces) return { ok: false, ...pieces };
  const state = context.get('ioas', ioas);
  if (state === undefined || state.freed || state.vm !== source.vm) return absent(ioas);
  const iova = command.iova ?? chosenFor(state, command);
  if (typeof iova !== 'string') return { ok: false, ...iova };
  const range = rangeOf({ iova, length });
  if ('errno' in range) return { ok: false, ...range };
  if (range.base + range.size > apertureEnd(state)) return { ok: false, ...beyondAperture(iova) };
  if (range.base % PAGE_SIZE !== 0) return { ok: false, ...unaligned() };
  const problem = whyNotThere(range, state);
  if (problem !== undefined) return { ok: false, ...problem };
  if (write && pieces.some(({ writable }) => !writable)) {
    return reject('EPERM', 'ioas.read-only', `memory behind ${command.source} is mapped read-only`);
  }
  const events: Emitted[] = [];
  let at = range.base;
  for (const { size, pa, writable } of pieces) {
    const where = { iova: toHex(at), length: toHex(size), pa: toHex(pa) };
    const pages = writable === write ? {} : { writable };
    events.push(emit('ioas', ioas, { type: 'IoasMapped', ioas, ...where, read, write, ...pages }));
    at += size;
  }
  return { ok: true, events, answer: { iova } };
}

interface Piece {
  readonly pa: number;
  readonly size: number;
  readonly writable: boolean;
}

/** The areas, or the parts of them, that a range of the source consists of. */
function piecesOf(
  { from, source: iova, length }: Of<'CopyIova'>,
  state: IoasState,
): readonly Piece[] | Rejection {
  const [first, size] = [fromHex(iova), fromHex(length)];
  if (size === 0n) return { errno: 'EINVAL', code: 'ioas.empty', reason: 'a range of no bytes' };
  if (first + size - 1n > WORD_MAX) return wraps(iova, length);
  const pieces: Piece[] = [];
  let at = first;
  for (const area of state.areas) {
    const [base, end] = [BigInt(area.base), BigInt(area.base + area.size)];
    if (at >= first + size || at < base || at >= end) continue;
    const upTo = end < first + size ? end : first + size;
    pieces.push(part(area, Number(at - base), Number(upTo - at)));
    at = upTo;
  }
  if (at < first + size) {
    const reason = `${from} does not map all of ${length} bytes from ${iova} on`;
    return { errno: 'ENOENT', code: 'ioas.unmapped', reason };
  }
  const whole = pieces.every(
    ({ pa, size: bytes }) => pa % PAGE_SIZE === 0 && bytes % PAGE_SIZE === 0,
  );
  return whole ? pieces : unaligned();
}

function part({ pa, writable }: Mapping, offset: number, size: number): Piece {
  return { pa: pa + offset, size, writable };
}

/** iopt_check_iova(): a reserved range is EINVAL, an existing area EEXIST. */
function whyNotThere(range: Range, state: IoasState): Rejection | undefined {
  const iova = toHex(range.base);
  if (state.reserved.size > 0 && overlaps(range, SOFTWARE_MSI_WINDOW)) {
    const reason = `${iova} lies in the software-MSI window`;
    return { errno: 'EINVAL', code: 'ioas.reserved', reason };
  }
  if (!state.areas.some((area) => overlaps(area, range))) return undefined;
  return { errno: 'EEXIST', code: 'ioas.mapped', reason: `${iova} is mapped already` };
}

function chosenFor(state: IoasState, { length }: { readonly length: Hex }): Hex | Rejection {
  const size = fromHex(length);
  if (size === 0n) return unaligned();
  if (size >= WORD_MAX / 2n) return wraps('0x0', length);
  const iova = chosenIova(state, size);
  if (iova !== undefined) return toHex(iova);
  const reason = `no ${length} bytes are free in a row where they may be`;
  return { errno: 'ENOSPC', code: 'ioas.full', reason };
}

function rangeOf({
  iova,
  length,
}: {
  readonly iova: Hex;
  readonly length: Hex;
}): Range | Rejection {
  const end = fromHex(iova) + fromHex(length);
  if (end >> 64n !== 0n) return wraps(iova, length);
  if (end > 1n << 52n) return beyondAperture(iova);
  return { base: addressOf(iova), size: addressOf(length) };
}

function notItsMemory(pa: Hex, { vm }: IoasState): Decision {
  return reject('EFAULT', 'ioas.memory', `${pa} is not memory of ${vm}`);
}

function absent(ioas: string): Decision {
  return reject('ENOENT', 'ioas.absent', `no IOAS ${ioas}`);
}

function unaligned(): Rejection {
  const reason = 'IOVA, length and memory must be whole 4 KiB pages';
  return { errno: 'EINVAL', code: 'ioas.alignment', reason };
}

function wraps(iova: Hex, length: Hex): Rejection {
  return { errno: 'EOVERFLOW', code: 'ioas.overflow', reason: `${iova} + ${length} wraps` };
}

function beyondAperture(iova: Hex): Rejection {
  const reason = `${iova} lies beyond an SMMU's input address size`;
  return { errno: 'EINVAL', code: 'ioas.aperture', reason };
}
