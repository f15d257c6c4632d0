import { usablePasidBits, whyNotAttachPasid } from '@steward/host';
import type { AttachQuestion } from '@steward/host';
import type { Context } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision, Emitted, Rejection } from '../decision';
import { rulesOf } from '../host/rules';
import { queueOf, faultsDropped } from '../fault-queue/users';
import { resolveTarget, whyNoPageFaults } from './attach-target';
import type { DeviceCommand } from './commands';
import type { AttachTarget, PasidHolder } from './events';
import type { DeviceState } from './state';

/** Bits of a PASID (PCIe, and IDR1.SSIDSIZE at its largest). */
export const PASID_BITS_MAX = 20;
/** VFIO keeps PASIDs in an allocator of numbers below 2^31 (ida_alloc_range). */
const VFIO_PASIDS = 2 ** 31;

type Of<T extends DeviceCommand['type']> = Extract<DeviceCommand, { type: T }>;
type Attach = Of<'AttachPasid'>;

/** Why VFIO does not take a PASID further (vfio_df_ioctl_attach_pt, vfio_iommufd_physical_pasid_attach_ioas). */
export function whyVfioRefuses(
  pasid: number,
  { smmu }: DeviceState,
  context: Context,
): Rejection | undefined {
  if (rulesOf(smmu, context).pasidAttach === 'unknown') {
    const reason = 'VFIO knows no flag to attach a PASID with';
    return { errno: 'EINVAL', code: 'device.pasids', reason };
  }
  if (pasid < VFIO_PASIDS) return undefined;
  const reason = `VFIO has no room for PASID ${pasid}`;
  return { errno: 'ENOSPC', code: 'device.pasid-range', reason };
}

/**
 * Attaches a PASID other than 0 in the kernel's order: iommufd's own checks (iommufd_hw_pagetable_attach, …_do_replace), the IOMMU
 * core's (iommu_attach_device_pasid, iommu_replace_device_pasid), the driver's (arm_smmu_set_pasid). No IOVA is reserved
 * for a PASID.
 */
export function attachPasid(command: Attach, context: Context): Decision {
  const { device, pasid, target, holder } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  if (state.vm === undefined) {
    return reject('EINVAL', 'device.unbound', `device ${device} is not bound to an iommufd`);
  }
  const early =
    (holder === 'iommufd' ? whyVfioRefuses(pasid, state, context) : undefined) ??
    whyAbsent(command, state, context);
  if (early !== undefined) return { ok: false, ...early };
  const current = state.pasids.get(pasid);
  const again = target.kind === 's1-domain' && current?.domain === target.id;
  if (again && holder === 'iommufd' && current.holder === holder) return accept();
  const problem =
    (holder === 'iommufd' ? whyIncompatible(target, state, context) : whyUnable(target)) ??
    whyNotThisPasid(command, state, context) ??
    whyDriverRefuses(target, state, context);
  if (problem !== undefined) return { ok: false, ...problem };
  const replaced = current && { replaced: current.domain };
  const faultQueue = target.kind === 's1-domain' ? queueOf(target, context) : undefined;
  const faults = faultQueue === undefined ? {} : { faultQueue };
  const attached = { device, pasid, domain: target.id, holder, ...faults, ...replaced };
  return accept(
    emit('device', device, { type: 'DevicePasidAttached', ...attached }),
    ...(current ? leaves({ device, pasid, domain: current.domain }, context) : []),
    emit('s1-domain', target.id, { type: 'S1DomainJoined', device, pasid }),
  );
}

export function detachPasid(command: Of<'DetachPasid'>, context: Context): Decision {
  const { device, pasid, holder } = command;
  const state = context.get('device', device);
  if (state === undefined) return reject('ENODEV', 'device.absent', `no device ${device}`);
  const current = state.pasids.get(pasid);
  return current?.holder === holder
    ? accept(...detached({ device, pasid, domain: current.domain }, context))
    : accept();
}

/** The PASIDs that someone holds are detached, the lowest first (vfio_iommufd_physical_unbind). */
export function pasidsDetached(
  device: string,
  { pasids }: DeviceState,
  holder: PasidHolder,
  context: Context,
): Emitted[] {
  return [...pasids]
    .filter(([, attached]) => attached.holder === holder)
    .flatMap(([pasid, { domain }]) => detached({ device, pasid, domain }, context));
}

/**
 * Why iommufd does not attach a device to what cannot be there beside PASIDs (iommufd_hwpt_pasid_compat). It looks at the
 * PASIDs it attached itself; the driver looks at all.
 */
export function besidePasids(
  device: string,
  target: AttachTarget,
  context: Context,
): Rejection | undefined {
  const pasids = [...(context.get('device', device)?.pasids.values() ?? [])];
  if (takesPasids(target, context) || !pasids.some((p) => p.holder === 'iommufd')) return undefined;
  return incompatible(`${target.id} was not made for a device with PASIDs attached`);
}

/** Domains on PASIDs of the device as its driver counts them: of a device that cannot send any, it has not heard. */
export function pasidsInUse(state: DeviceState, context: Context): number {
  return usablePasidBitsOf(state, context) === 0 ? 0 : state.pasids.size;
}

/** log2 of the PASIDs that can be attached to the device; 0: it can send none that the SMMU takes. */
export function usablePasidBitsOf({ smmu, pasidBits }: DeviceState, context: Context): number {
  const probe = context.get('smmu', smmu)?.probe;
  return probe === undefined ? 0 : usablePasidBits(pasidBits, probe);
}

function whyAbsent(
  { target }: Attach,
  state: DeviceState,
  context: Context,
): Rejection | undefined {
  if (target.kind !== 'ioas') {
    const found = resolveTarget(target, state, 0, context);
    return found.ok ? undefined : found;
  }
  const space = context.get('ioas', target.id);
  if (space !== undefined && !space.freed && space.vm === state.vm) return undefined;
  return { errno: 'ENOENT', code: 'ioas.absent', reason: `no IOAS ${target.id}` };
}

/** iommufd_hwpt_pasid_compat() of a PASID; the automatic domain of an IOAS is none for PASIDs. */
function whyIncompatible(
  target: Attach['target'],
  { attached }: DeviceState,
  context: Context,
): Rejection | undefined {
  if (target.kind === 'ioas' || !takesPasids(target, context)) {
    return incompatible(`${target.id} was not made for PASIDs`);
  }
  if (attached === undefined || takesPasids(attached, context)) return undefined;
  return incompatible(`the device is on ${attached.id}, which was not made to have PASIDs beside`);
}

/** What a driver of the host cannot attach: only paging domains know PASIDs, and those that iommufd makes on its own are its own. */
function whyUnable(target: Attach['target']): Rejection | undefined {
  if (target.kind === 'ioas') return incompatible('an IOAS is no domain');
  if (target.kind !== 'nested-domain') return undefined;
  const reason = `${target.id} is nested, which cannot be on a PASID`;
  return { errno: 'EOPNOTSUPP', code: 'device.pasid-incompatible', reason };
}

/** iommu_attach_device_pasid(): the PASID must be one, the device's own, and free. */
function whyNotThisPasid(
  { device, pasid, holder }: Attach,
  state: DeviceState,
  context: Context,
): Rejection | undefined {
  const bits = usablePasidBitsOf(state, context);
  // A device that can send none limits none: it is passed over.
  const limit = bits === 0 ? 2 ** 32 : 2 ** bits;
  if (!Number.isInteger(pasid) || pasid < 1 || pasid >= limit) {
    const reason = `${device}: a PASID lies in 1..${limit - 1}`;
    return { errno: 'EINVAL', code: 'device.pasid-range', reason };
  }
  const current = state.pasids.get(pasid);
  if (current === undefined || (holder === 'iommufd' && current.holder === holder))
    return undefined;
  const reason = `PASID ${pasid} of ${device} is on ${current.domain}`;
  return { errno: 'EBUSY', code: 'device.pasid-attached', reason };
}

function whyDriverRefuses(
  target: Attach['target'],
  state: DeviceState,
  context: Context,
): Rejection | undefined {
  if (usablePasidBitsOf(state, context) === 0) return undefined;
  const domain = target.kind === 's1-domain' ? context.get('s1-domain', target.id) : undefined;
  if (domain === undefined || domain.automatic) return incompatible(`${target.id} is no stage 1`);
  const otherSmmu = domain.smmu !== state.smmu;
  const refused = whyNotAttachPasid({ otherSmmu, without: whatIsWithout(state) });
  if (refused === undefined) return whyNoPageFaults(domain, state, context);
  const reason = `${target.id}: ${refused.why}`;
  return { errno: refused.errno, code: 'device.pasid-refused', reason };
}

function whatIsWithout({ attached }: DeviceState): 'blocked' | AttachQuestion['domain'] {
  switch (attached?.kind) {
    case undefined:
      return 'blocked';
    case 's1-domain':
      return 'stage1';
    case 's2-parent':
      return 'stage2';
    case 'nested-domain':
      return 'nested';
  }
}

function takesPasids({ kind, id }: AttachTarget, context: Context): boolean {
  return kind === 's1-domain' && context.get('s1-domain', id)?.pasid === true;
}

function incompatible(reason: string): Rejection {
  return { errno: 'EINVAL', code: 'device.pasid-incompatible', reason };
}

interface PasidOn {
  readonly device: string;
  readonly pasid: number;
  /** The stage-1 domain. */
  readonly domain: string;
}

function detached(of: PasidOn, context: Context): Emitted[] {
  const event = { type: 'DevicePasidDetached', ...of } as const;
  return [emit('device', of.device, event), ...leaves(of, context)];
}

function leaves({ device, pasid, domain }: PasidOn, context: Context): Emitted[] {
  const target = { kind: 's1-domain', id: domain } as const;
  return [
    ...faultsDropped({ device, attachment: pasid }, target, context),
    emit('s1-domain', domain, { type: 'S1DomainLeft', device, pasid }),
  ];
}
