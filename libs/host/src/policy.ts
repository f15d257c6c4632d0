/**
 * Which driver's decisions are followed. A log names the policy it was made under.
 *
 * `mainline`: Linux 7.3. `v2-2024-08`: nesting as it was first posted, before there were vIOMMUs: the nested domain on its
 * parent, without ATS, without vDEVICEs and events, and a list of attachments where there are invalidation arrays now.
 */
export const HOST_POLICIES = ['mainline', 'v2-2024-08'] as const;
export type HostPolicy = (typeof HOST_POLICIES)[number];

/** Everything in which the policies differ. What is not here is decided alike. */
export interface PolicyRules {
  /**
   * The object a nested domain is allocated on; on the other it is refused. The allocation on a vIOMMU relies on what the
   * vIOMMU's own found out: that the SMMU nests, and that the device cannot bypass the caches.
   */
  readonly nestedOn: 'vsmmu' | 's2-parent';
  /** Whether a vSTE that translates needs the device's vDEVICE (ENOENT), and so its faults can be forwarded. */
  readonly vdevice: 'required' | 'absent';
  /** A vSTE with V=0: its other bits are dropped unseen, or must be legal like those of any. */
  readonly invalidVste: 'zeroed' | 'judged';
  /** Largest EATS a vSTE may carry. */
  readonly vsteEatsMax: bigint;
  /** ATS of a device on a nested domain: as the vSTE wants it, or never. */
  readonly nestedAts: 'as-vste' | 'off';
  /** STE.MEV of a nested STE. */
  readonly nestedMev: 'forced' | 'untouched';
  /** Answer to a nested attach while the device has PASIDs attached. */
  readonly pasidsInUse: 'EBUSY' | 'EINVAL';
  /** Attaching a PASID through VFIO (VFIO_DEVICE_ATTACH_PASID): there is a flag for it, or EINVAL as for any unknown flag. */
  readonly pasidAttach: 'known' | 'unknown';
  /**
   * How long a VMID or ASID must be told of changes: while a device is attached, and the last to leave flushes it; or from
   * the allocation of the domain to its end, which flushes it.
   */
  readonly tagHeldBy: 'attachments' | 'domain';
  /** What is invalidated in the ATC of a device that is on a nest parent itself when the parent changes. */
  readonly parentAtc: 'whole' | 'range';
  /** Without range invalidation, a reach of one leaf table or more: the whole VMID at once, or still page by page. */
  readonly longRange: 'whole' | 'by-page';
}

/** The rules of each policy. */
export const POLICY_RULES: Readonly<Record<HostPolicy, PolicyRules>> = {
  mainline: {
    nestedOn: 'vsmmu',
    vdevice: 'required',
    invalidVste: 'zeroed',
    vsteEatsMax: 1n,
    nestedAts: 'as-vste',
    nestedMev: 'forced',
    pasidsInUse: 'EBUSY',
    pasidAttach: 'known',
    tagHeldBy: 'attachments',
    parentAtc: 'whole',
    longRange: 'whole',
  },
  'v2-2024-08': {
    nestedOn: 's2-parent',
    vdevice: 'absent',
    invalidVste: 'judged',
    vsteEatsMax: 0n,
    nestedAts: 'off',
    nestedMev: 'untouched',
    pasidsInUse: 'EINVAL',
    pasidAttach: 'unknown',
    tagHeldBy: 'domain',
    parentAtc: 'range',
    longRange: 'by-page',
  },
};
