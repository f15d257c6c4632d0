import { wordsOf, type Errno } from '@steward/domain';
import type { Conversation } from './conversation';
import { INVALIDATE_DATA, type HwptInvalidate } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

/** struct iommu_viommu_arm_smmuv3_invalidate: one command. */
const COMMAND_BYTES = 16;
/** The driver copies the commands into one piece of memory (kcalloc); KMALLOC_MAX_SIZE, with pages of 4 KiB. */
const ALLOCATION_MAX = 4 * 2 ** 20;

/**
 * IOMMU_HWPT_INVALIDATE (iommufd_hwpt_invalidate, arm_vsmmu_cache_invalidate): the array is copied whole, then converted and issued.
 * @returns entry_num: what the kernel says it handled, on an error too.
 */
export function* hwptInvalidate(
  session: Session,
  request: HwptInvalidate,
): Conversation<{ entry_num: number }> {
  const target = session.objects.of('viommu', request.hwpt_id);
  const { entry_num: asked } = request;
  const refused = argumentProblem(session, request);
  if (refused === undefined && asked * COMMAND_BYTES > ALLOCATION_MAX) {
    // The driver has not begun to count.
    return { errno: 'ENOMEM', out: { entry_num: asked } };
  }
  const problem = refused ?? arrayProblem(request);
  if (problem !== undefined || target === undefined || !request.data) {
    return { errno: problem ?? 'EFAULT', out: { entry_num: 0 } };
  }
  const words = wordsOf(commandsOf(request, request.data));
  const { errno, answer } = yield { type: 'ForwardInvalidations', vsmmu: target.name, words };
  const entry_num = Number(answer?.['handled'] ?? 0);
  return errno === undefined ? { out: { entry_num } } : { errno, out: { entry_num } };
}

function argumentProblem(session: Session, request: HwptInvalidate): Errno | undefined {
  const bad = sizeProblem('HWPT_INVALIDATE', request);
  if (bad !== undefined) return bad;
  if ((request.reserved ?? 0) !== 0) return 'EOPNOTSUPP';
  const { entry_num, entry_len, data } = request;
  if (entry_num !== 0 && (data === null || entry_len === 0)) return 'EINVAL';
  switch (session.objects.get(request.hwpt_id)?.kind) {
    case undefined:
      return 'ENOENT';
    case 'viommu':
      return undefined;
    case 'nested':
      // The driver invalidates through the vIOMMU only.
      return 'EOPNOTSUPP';
    default:
      return 'EINVAL';
  }
}

/**
 * iommu_copy_struct_from_full_user_array(): entries of a command's size are copied at once; others one by one, the tail of
 * each looked at before it is copied (copy_struct_from_user).
 */
function arrayProblem(request: HwptInvalidate): Errno | undefined {
  const { data_type, entry_num, entry_len } = request;
  if (data_type !== INVALIDATE_DATA.ARM_SMMUV3 || entry_num === 0) return 'EINVAL';
  const data = request.data ?? new Uint8Array();
  if (entry_len === COMMAND_BYTES && data.length < entry_num * COMMAND_BYTES) return 'EFAULT';
  for (let i = 0; i < entry_num; i++) {
    const end = (i + 1) * entry_len;
    const tail = data.subarray(i * entry_len + COMMAND_BYTES, end);
    if (entry_len > COMMAND_BYTES && tail.some((byte) => byte !== 0)) return 'E2BIG';
    if (data.length < end) return 'EFAULT';
  }
  return undefined;
}

/** The commands at 16 bytes each: shorter entries are filled up with zeros, longer ones cut. */
function commandsOf({ entry_num, entry_len }: HwptInvalidate, data: Uint8Array): Uint8Array {
  const commands = new Uint8Array(entry_num * COMMAND_BYTES);
  for (let i = 0; i < entry_num; i++) {
    const length = Math.min(entry_len, COMMAND_BYTES);
    commands.set(data.subarray(i * entry_len, i * entry_len + length), i * COMMAND_BYTES);
  }
  return commands;
}
