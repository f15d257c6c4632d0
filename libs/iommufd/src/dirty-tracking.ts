import { iovaAlignment } from '@steward/domain';
import type { Errno } from '@steward/domain';
import type { HwptGetDirtyBitmap, HwptSetDirtyTracking } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

/** IOMMU_HWPT_DIRTY_TRACKING_ENABLE, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR. */
const ENABLE = 1;
const NO_CLEAR = 1;
const WORD_MAX = (1n << 64n) - 1n;

interface Refusal {
  readonly errno: Errno;
  readonly out: Record<never, never>;
}

/**
 * IOMMU_HWPT_SET_DIRTY_TRACKING (iommufd_hwpt_set_dirty_tracking). No HWPT can be allocated with dirty tracking here, so each is one
 * without: EOPNOTSUPP. Nothing is changed, so there is no command.
 */
export function hwptSetDirtyTracking(session: Session, request: HwptSetDirtyTracking): Refusal {
  const { flags, hwpt_id } = request;
  const bad = sizeProblem('HWPT_SET_DIRTY_TRACKING', request);
  if (bad !== undefined) return refused(bad);
  if ((flags & ~ENABLE) !== 0) return refused('EOPNOTSUPP');
  return refused(ioasOf(session, hwpt_id) === undefined ? 'ENOENT' : 'EOPNOTSUPP');
}

/** IOMMU_HWPT_GET_DIRTY_BITMAP (iommufd_hwpt_get_dirty_bitmap): the range is looked at before it is found that nothing tracks it. */
export function hwptGetDirtyBitmap(session: Session, request: HwptGetDirtyBitmap): Refusal {
  const { flags, hwpt_id, reserved = 0 } = request;
  const bad = sizeProblem('HWPT_GET_DIRTY_BITMAP', request);
  if (bad !== undefined) return refused(bad);
  if ((flags & ~NO_CLEAR) !== 0 || reserved !== 0) return refused('EOPNOTSUPP');
  const ioas = ioasOf(session, hwpt_id);
  if (ioas === undefined) return refused('ENOENT');
  const state = session.context.get('ioas', ioas);
  const alignment = state === undefined ? 1n : BigInt(iovaAlignment(state));
  return refused(rangeProblem(request, alignment) ?? 'EOPNOTSUPP');
}

/** iommufd_check_iova_range(). */
function rangeProblem(
  { iova, length, page_size }: HwptGetDirtyBitmap,
  alignment: bigint,
): Errno | undefined {
  // `length - 1` is a 64-bit word: a length of 0 reaches the last IOVA from 0 on, and overflows from any other.
  const last = iova + BigInt.asUintN(64, length - 1n);
  if (last > WORD_MAX) return 'EOVERFLOW';
  const end = BigInt.asUintN(64, last + 1n);
  const apart = (size: bigint): boolean => [iova, end].some((at) => (at & (size - 1n)) !== 0n);
  if (apart(alignment) || page_size === 0n || apart(page_size)) return 'EINVAL';
  return undefined;
}

/** The IOAS of a paging HWPT (iommufd_get_hwpt_paging). */
function ioasOf({ objects, context }: Session, id: number): string | undefined {
  const hwpt = objects.get(id);
  if (hwpt?.kind === 'nest-parent') return context.get('s2-parent', hwpt.name)?.ioas;
  return hwpt?.kind === 'stage1' ? context.get('s1-domain', hwpt.name)?.ioas : undefined;
}

function refused(errno: Errno): Refusal {
  return { errno, out: {} };
}
