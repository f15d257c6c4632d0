import { rulesOf, toHex } from '@steward/domain';
import type { Command, Errno, Hex, PolicyRules } from '@steward/domain';
import { failed, type Conversation } from './conversation';
import type { IommufdObject } from './object-table';
import { HWPT_DATA, HWPT_FLAGS, type HwptAlloc } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

/** struct iommu_hwpt_arm_smmuv3: the first two words of a vSTE. */
const VSTE_BYTES = 16;
const { NEST_PARENT, FAULT_ID_VALID, PASID } = HWPT_FLAGS;

/** What an allocation comes to, once its arguments hold: the command, and the object it makes. */
interface Wanted {
  readonly command: Command;
  readonly object: IommufdObject;
}

/** IOMMU_HWPT_ALLOC (iommufd_hwpt_alloc). @returns out_hwpt_id. */
export function* hwptAlloc(session: Session, request: HwptAlloc): Conversation<{ id?: number }> {
  const bad = sizeProblem('HWPT_ALLOC', request);
  if (bad !== undefined) return failed(bad);
  const wanted = wantedDomain(session, request);
  if (typeof wanted === 'string') return failed(wanted);
  const { errno } = yield wanted.command;
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add(wanted.object) } };
}

function wantedDomain(session: Session, request: HwptAlloc): Wanted | Errno {
  const { data_type, data_len, dev_id, pt_id } = request;
  if ((request.reserved ?? 0) !== 0) return 'EOPNOTSUPP';
  if ((data_type === HWPT_DATA.NONE) !== (data_len === 0)) return 'EINVAL';
  if (session.objects.of('device', dev_id) === undefined) return 'ENOENT';
  const target = session.objects.get(pt_id);
  switch (target?.kind) {
    case 'ioas':
      return pagingDomain(session, request);
    case 'viommu': {
      const vsmmu = target.name;
      const { context } = session;
      const device = context.get('device', session.nameOf('device', dev_id));
      if (device?.smmu !== context.get('vsmmu', vsmmu)?.smmu) return 'EINVAL';
      return nestedDomain(session, request, { vsmmu });
    }
    case 'nest-parent':
      // Mainline's driver has no domain_alloc_nested: a nested domain is made on a vIOMMU.
      if (rulesOfDevice(session, dev_id)?.nestedOn !== 's2-parent') return 'EOPNOTSUPP';
      return nestedDomain(session, request, { parent: target.name });
    case 'stage1':
      return 'EOPNOTSUPP';
    default:
      return 'EINVAL';
  }
}

/** On an IOAS (arm_smmu_domain_alloc_paging_flags). Dirty tracking is not modelled, as on an SMMU without HTTU. */
function pagingDomain(session: Session, request: HwptAlloc): Wanted | Errno {
  const { flags, data_type } = request;
  const fault = (flags & FAULT_ID_VALID) !== 0;
  const driver = flags & ~FAULT_ID_VALID;
  if (fault && (flags & NEST_PARENT) !== 0) return 'EOPNOTSUPP';
  if (data_type !== HWPT_DATA.NONE) return 'EOPNOTSUPP';
  const device = session.nameOf('device', request.dev_id);
  const ioas = session.nameOf('ioas', request.pt_id);
  if (driver === NEST_PARENT) {
    const name = session.nextName('parent');
    const command = { type: 'AllocateNestParent', parent: name, ioas, device } as const;
    return { command, object: { kind: 'nest-parent', name } };
  }
  if (driver !== 0 && driver !== PASID) return 'EOPNOTSUPP';
  const pasid = driver === PASID;
  if (pasid && rulesOfDevice(session, request.dev_id)?.pasidAttach !== 'known') return 'EOPNOTSUPP';
  const name = session.nextName('stage1');
  const queue = faultQueue(session, request);
  const made = { domain: name, ioas, device, ...queue, ...(pasid && { pasid }) };
  const command = { type: 'AllocateS1Domain', ...made } as const;
  return { command, object: { kind: 'stage1', name, automatic: false } };
}

function rulesOfDevice(session: Session, id: number): PolicyRules | undefined {
  const device = session.context.get('device', session.nameOf('device', id));
  return device && rulesOf(device.smmu, session.context);
}

/** On a vIOMMU (iommufd_viommu_alloc_hwpt_nested, arm_vsmmu_alloc_domain_nested), or on a parent where the policy has it so. */
function nestedDomain(
  session: Session,
  request: HwptAlloc,
  on: { readonly vsmmu: string } | { readonly parent: string },
): Wanted | Errno {
  const { flags, data_type, data_len, data } = request;
  const device = session.nameOf('device', request.dev_id);
  if ((flags & ~(FAULT_ID_VALID | PASID)) !== 0 || data_len === 0) return 'EOPNOTSUPP';
  if ((flags & PASID) !== 0) return 'EOPNOTSUPP';
  if (data_type !== HWPT_DATA.ARM_SMMUV3 || data_len !== VSTE_BYTES) return 'EINVAL';
  if (data === undefined || data.length < VSTE_BYTES) return 'EFAULT';
  const words = new DataView(data.buffer, data.byteOffset, VSTE_BYTES);
  const vste: readonly [Hex, Hex] = [
    toHex(words.getBigUint64(0, true)),
    toHex(words.getBigUint64(8, true)),
  ];
  const name = session.nextName('nested');
  const queue = faultQueue(session, request);
  const command = { type: 'AllocateNestedDomain', domain: name, ...on, device, vste, ...queue };
  return { command: command as Command, object: { kind: 'nested', name } };
}

function faultQueue(session: Session, request: HwptAlloc): { faultQueue?: string } {
  if ((request.flags & FAULT_ID_VALID) === 0) return {};
  return { faultQueue: session.nameOf('fault-queue', request.fault_id ?? 0) };
}
