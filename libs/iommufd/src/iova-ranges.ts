import { iovaAlignment, toHex, usableIovas } from '@steward/domain';
import type { Errno } from '@steward/domain';
import { failed, perform, type Conversation } from './conversation';
import type { IoasAllowIovas, IoasIovaRanges, UserIovaRange } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

/** IOMMU_IOAS_ALLOW_IOVAS (iommufd_ioas_allow_iovas): the ranges replace those of the last call. */
export function* ioasAllowIovas(session: Session, request: IoasAllowIovas): Conversation {
  const bad = sizeProblem('IOAS_ALLOW_IOVAS', request);
  if (bad !== undefined) return failed(bad);
  if ((request.reserved ?? 0) !== 0) return failed('EOPNOTSUPP');
  const { num_iovas, allowed_iovas = [] } = request;
  const ioas = session.objects.of('ioas', request.ioas_id);
  if (ioas === undefined) return failed('ENOENT');
  if (allowed_iovas.length < num_iovas) return failed('EFAULT');
  const ranges = allowed_iovas.slice(0, num_iovas).map(({ start, last }) => {
    return { first: toHex(start), last: toHex(last) };
  });
  return yield* perform({ type: 'AllowIovas', ioas: ioas.name, ranges });
}

export interface IovaRangesOut {
  /** What was written to the caller's array. */
  readonly ranges: readonly UserIovaRange[];
  /** How many there are, whether the array had room for them or not. */
  readonly num_iovas: number;
  /** Bytes that every IOVA and length must be a multiple of. */
  readonly iova_alignment: bigint;
}

/**
 * IOMMU_IOAS_IOVA_RANGES (iommufd_ioas_iova_ranges): what can be mapped, mapped or not. EMSGSIZE when the array is too short, which
 * is filled all the same. Nothing is changed, so there is no command.
 */
export function ioasIovaRanges(
  session: Session,
  request: IoasIovaRanges,
): { readonly errno?: Errno; readonly out: Partial<IovaRangesOut> } {
  const bad = sizeProblem('IOAS_IOVA_RANGES', request);
  if (bad !== undefined) return failed(bad);
  if ((request.reserved ?? 0) !== 0) return failed('EOPNOTSUPP');
  const state = session.context.get('ioas', session.nameOf('ioas', request.ioas_id));
  if (state === undefined || state.freed) return failed('ENOENT');
  const usable = usableIovas(state).map(({ first, last }) => ({ start: first, last }));
  const { num_iovas: room } = request;
  if (!request.writable && room > 0 && usable.length > 0) return failed('EFAULT');
  const iova_alignment = BigInt(iovaAlignment(state));
  const out = { ranges: usable.slice(0, room), num_iovas: usable.length, iova_alignment };
  return usable.length > room ? { errno: 'EMSGSIZE', out } : { out };
}
