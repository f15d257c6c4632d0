import type { Errno } from '@steward/domain';
import { failed, type Conversation } from './conversation';
import { OPTION_OPS, OPTIONS, type Option } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

/** IOMMU_OPTION (iommufd_option). @returns val64: with GET what the option is. */
export function* option(session: Session, request: Option): Conversation<{ val64?: bigint }> {
  const bad = sizeProblem('OPTION', request);
  if (bad !== undefined) return failed(bad);
  if ((request.reserved ?? 0) !== 0) return failed('EOPNOTSUPP');
  switch (request.option_id) {
    case OPTIONS.RLIMIT_MODE:
      return limitMode(request);
    case OPTIONS.HUGE_PAGES:
      return yield* hugePages(session, request);
    default:
      return failed('EOPNOTSUPP');
  }
}

/** Whose limit of locked memory counts: the user's. A VMM lacks CAP_SYS_RESOURCE, which another choice takes. */
function limitMode({ object_id, op }: Option): { errno?: Errno; out: { val64?: bigint } } {
  if (object_id !== 0) return failed('EOPNOTSUPP');
  if (op === OPTION_OPS.GET) return { out: { val64: 0n } };
  return failed(op === OPTION_OPS.SET ? 'EPERM' : 'EOPNOTSUPP');
}

/** Whether the tables of an IOAS may hold blocks larger than a page (iommufd_ioas_option_huge_pages). */
function* hugePages(session: Session, request: Option): Conversation<{ val64?: bigint }> {
  const ioas = session.objects.of('ioas', request.object_id);
  if (ioas === undefined) return failed('ENOENT');
  const { op, val64 } = request;
  if (op === OPTION_OPS.GET) {
    return {
      out: { val64: session.context.get('ioas', ioas.name)?.hugePages === false ? 0n : 1n },
    };
  }
  if (op !== OPTION_OPS.SET) return failed('EOPNOTSUPP');
  if (val64 > 1n) return failed('EINVAL');
  const { errno } = yield { type: 'SetHugePages', ioas: ioas.name, enabled: val64 === 1n };
  return errno === undefined ? { out: { val64 } } : failed(errno);
}
