import { toHex } from '@steward/domain';
import { failed, perform, type Conversation } from './conversation';
import { MAP_FLAGS, type IoasAlloc, type IoasMap, type IoasUnmap } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

const WORD_MAX = (1n << 64n) - 1n;
const KNOWN_MAP_FLAGS = MAP_FLAGS.FIXED_IOVA | MAP_FLAGS.WRITEABLE | MAP_FLAGS.READABLE;

/** IOMMU_IOAS_ALLOC. @returns out_ioas_id. */
export function* ioasAlloc(session: Session, request: IoasAlloc): Conversation<{ id?: number }> {
  const bad = sizeProblem('IOAS_ALLOC', request);
  if (bad !== undefined) return failed(bad);
  if (request.flags !== 0) return failed('EOPNOTSUPP');
  const ioas = session.nextName('ioas');
  const { errno } = yield { type: 'CreateIoas', ioas, vm: session.vm };
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add({ kind: 'ioas', name: ioas }) } };
}

/** IOMMU_IOAS_MAP. Without FIXED_IOVA the kernel would choose an IOVA; that is not modelled and gives EOPNOTSUPP. */
export function* ioasMap(session: Session, request: IoasMap): Conversation {
  const bad = sizeProblem('IOAS_MAP', request);
  if (bad !== undefined) return failed(bad);
  const { flags, iova, length, pa } = request;
  if ((flags & ~KNOWN_MAP_FLAGS) !== 0 || (request.reserved ?? 0) !== 0)
    return failed('EOPNOTSUPP');
  if (iova >= WORD_MAX || length >= WORD_MAX) return failed('EOVERFLOW');
  if ((flags & (MAP_FLAGS.WRITEABLE | MAP_FLAGS.READABLE)) === 0) return failed('EINVAL');
  if ((flags & MAP_FLAGS.FIXED_IOVA) === 0) return failed('EOPNOTSUPP');
  return yield* perform({
    type: 'MapIova',
    ioas: session.nameOf('ioas', request.ioas_id),
    iova: toHex(iova),
    length: toHex(length),
    pa: toHex(pa),
    read: (flags & MAP_FLAGS.READABLE) !== 0,
    write: (flags & MAP_FLAGS.WRITEABLE) !== 0,
  });
}

/** IOMMU_IOAS_UNMAP. @returns length: the bytes unmapped, or on an error what the caller passed. */
export function* ioasUnmap(session: Session, request: IoasUnmap): Conversation<{ length: bigint }> {
  const { iova, length } = request;
  const ioas = session.nameOf('ioas', request.ioas_id);
  const bad = sizeProblem('IOAS_UNMAP', request);
  if (bad !== undefined) return { errno: bad, out: { length } };
  const command = { type: 'UnmapIova', ioas, iova: toHex(iova), length: toHex(length) } as const;
  const { errno, answer } = yield command;
  if (errno !== undefined) return { errno, out: { length } };
  return { out: { length: BigInt(String(answer?.['unmapped'] ?? 0)) } };
}
