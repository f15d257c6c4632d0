import { toHex } from '@steward/domain';
import type { Command, Hex } from '@steward/domain';
import { failed, type Conversation } from './conversation';
import { MAP_FLAGS, type IoasAlloc, type IoasCopy, type IoasMap, type IoasUnmap } from './requests';
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

/** IOMMU_IOAS_MAP. @returns iova: the one that was asked for, or without FIXED_IOVA the one that the kernel chose. */
export function* ioasMap(session: Session, request: IoasMap): Conversation<{ iova?: bigint }> {
  const bad = sizeProblem('IOAS_MAP', request);
  if (bad !== undefined) return failed(bad);
  const { flags, iova, length, pa } = request;
  if ((flags & ~KNOWN_MAP_FLAGS) !== 0 || (request.reserved ?? 0) !== 0)
    return failed('EOPNOTSUPP');
  if (iova >= WORD_MAX || length >= WORD_MAX) return failed('EOVERFLOW');
  if ((flags & (MAP_FLAGS.WRITEABLE | MAP_FLAGS.READABLE)) === 0) return failed('EINVAL');
  const ioas = session.nameOf('ioas', request.ioas_id);
  const what = { length: toHex(length), pa: toHex(pa), ...permissions(flags) };
  return yield* mapped({ type: 'MapIova', ioas, ...fixed(flags, iova), ...what }, iova);
}

/** IOMMU_IOAS_COPY: what one IOAS maps is mapped in another, or at another place of the same. @returns dst_iova. */
export function* ioasCopy(session: Session, request: IoasCopy): Conversation<{ iova?: bigint }> {
  const bad = sizeProblem('IOAS_COPY', request);
  if (bad !== undefined) return failed(bad);
  const { flags, length, dst_iova, src_iova } = request;
  if ((flags & ~KNOWN_MAP_FLAGS) !== 0) return failed('EOPNOTSUPP');
  if ([length, src_iova, dst_iova].some((word) => word >= WORD_MAX)) return failed('EOVERFLOW');
  if ((flags & (MAP_FLAGS.WRITEABLE | MAP_FLAGS.READABLE)) === 0) return failed('EINVAL');
  const ioas = session.nameOf('ioas', request.dst_ioas_id);
  const from = session.nameOf('ioas', request.src_ioas_id);
  const source = { from, source: toHex(src_iova), length: toHex(length), ...permissions(flags) };
  return yield* mapped({ type: 'CopyIova', ioas, ...fixed(flags, dst_iova), ...source }, dst_iova);
}

function* mapped(command: Command, asked: bigint): Conversation<{ iova?: bigint }> {
  const { errno, answer } = yield command;
  if (errno !== undefined) return failed(errno);
  const chosen = answer?.['iova'];
  return { out: { iova: chosen === undefined ? asked : BigInt(String(chosen)) } };
}

function permissions(flags: number): { read: boolean; write: boolean } {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  return { read: has(MAP_FLAGS.READABLE), write: has(MAP_FLAGS.WRITEABLE) };
}

function fixed(flags: number, iova: bigint): { iova?: Hex } {
  return (flags & MAP_FLAGS.FIXED_IOVA) === 0 ? {} : { iova: toHex(iova) };
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
