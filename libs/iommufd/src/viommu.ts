import { virtualId } from '@steward/domain';
import { failed, type Conversation } from './conversation';
import {
  VIOMMU_TYPE,
  type FaultQueueAlloc,
  type VdeviceAlloc,
  type VeventqAlloc,
  type ViommuAlloc,
} from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

type Allocation = Conversation<{ id?: number }>;

/**
 * IOMMU_VIOMMU_ALLOC (iommufd_viommu_alloc_ioctl). Neither the reserved word nor driver data is looked at for an SMMUv3.
 * @returns out_viommu_id.
 */
export function* viommuAlloc(session: Session, request: ViommuAlloc): Allocation {
  const bad = sizeProblem('VIOMMU_ALLOC', request);
  if (bad !== undefined) return failed(bad);
  const { flags, type, dev_id, hwpt_id } = request;
  if (flags !== 0 || type === VIOMMU_TYPE.DEFAULT) return failed('EOPNOTSUPP');
  if (session.objects.of('device', dev_id) === undefined) return failed('ENOENT');
  // arm_smmu_get_viommu_size() is 0 for a type it does not know.
  if (type !== VIOMMU_TYPE.ARM_SMMUV3) return failed('EOPNOTSUPP');
  const hwpt = session.objects.get(hwpt_id);
  const paging = hwpt?.kind === 'nest-parent' || hwpt?.kind === 'stage1';
  const vsmmu = session.nextName('viommu');
  const { errno } = yield {
    type: 'CreateVsmmu',
    vsmmu,
    parent: paging ? hwpt.name : `id ${hwpt_id}`,
    device: session.nameOf('device', dev_id),
    idr: [],
  };
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add({ kind: 'viommu', name: vsmmu }) } };
}

/** IOMMU_VDEVICE_ALLOC (iommufd_vdevice_alloc_ioctl). @returns out_vdevice_id. */
export function* vdeviceAlloc(session: Session, request: VdeviceAlloc): Allocation {
  const bad = sizeProblem('VDEVICE_ALLOC', request);
  if (bad !== undefined) return failed(bad);
  const vsmmu = session.nameOf('viommu', request.viommu_id);
  const device = session.nameOf('device', request.dev_id);
  const vsid = virtualId(request.virt_id);
  const { errno } = yield { type: 'AllocateVdevice', vsmmu, device, vsid };
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add({ kind: 'vdevice', viommu: vsmmu, device }) } };
}

/** IOMMU_VEVENTQ_ALLOC (iommufd_veventq_alloc). @returns out_veventq_id; its file descriptor is open. */
export function* veventqAlloc(session: Session, request: VeventqAlloc): Allocation {
  const bad = sizeProblem('VEVENTQ_ALLOC', request);
  if (bad !== undefined) return failed(bad);
  const { flags, type: queueType, veventq_depth: depth } = request;
  if (flags !== 0 || (request.reserved ?? 0) !== 0) return failed('EOPNOTSUPP');
  const veventq = session.nextName('veventq');
  const vsmmu = session.nameOf('viommu', request.viommu_id);
  const { errno } = yield { type: 'AllocateVeventq', veventq, vsmmu, queueType, depth };
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add({ kind: 'veventq', name: veventq }) } };
}

/** IOMMU_FAULT_QUEUE_ALLOC (iommufd_fault_alloc). @returns out_fault_id; its file descriptor is open. */
export function* faultQueueAlloc(session: Session, request: FaultQueueAlloc): Allocation {
  const bad = sizeProblem('FAULT_QUEUE_ALLOC', request);
  if (bad !== undefined) return failed(bad);
  if (request.flags !== 0) return failed('EOPNOTSUPP');
  const faultQueue = session.nextName('fault');
  const { errno } = yield { type: 'AllocateFaultQueue', faultQueue, vm: session.vm };
  if (errno !== undefined) return failed(errno);
  return { out: { id: session.objects.add({ kind: 'fault-queue', name: faultQueue }) } };
}
