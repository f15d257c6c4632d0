import type { Command, CommandOf } from '../aggregates';
import type { Hex } from '../hex';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

/** IDR0–IDR5 of an SMMU that can nest: S1P, S2P, 48-bit OAS, 16-bit VMIDs and StreamIDs. */
export const IDR: readonly Hex[] = ['0x0d44101b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'];

/** A vSTE that translates: V=1, Config=S1. */
export const S1_VSTE: readonly [Hex, Hex] = ['0xb', '0x0'];
export const BYPASS_VSTE: readonly [Hex, Hex] = ['0x9', '0x0'];

export const RAM = { ipa: '0x40000000', size: '0x200000', pa: '0x100000000' } as const;

export const registerHost: Of<'RegisterHost'> = {
  type: 'RegisterHost',
  host: 'h',
  policy: 'mainline',
  memory: [
    { use: 'kernel', base: '0x40000000', size: '0x1000000' },
    { use: 'msi-doorbell', base: '0x8090000', size: '0x1000' },
    { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
  ],
};
export const addSmmu: Of<'AddSmmu'> = {
  type: 'AddSmmu',
  smmu: 's',
  host: 'h',
  idr: IDR,
  iidr: '0x0',
  aidr: '0x1',
  switches: {},
};
export const addDevice: Of<'AddDevice'> = {
  type: 'AddDevice',
  device: 'd',
  smmu: 's',
  streamIds: [8],
  canwbs: true,
  ats: false,
};
export const createVm: Of<'CreateVm'> = {
  type: 'CreateVm',
  vm: 'v',
  host: 'h',
  owner: 'ann',
  ram: [RAM],
};
export const bindDevice: Of<'BindDevice'> = { type: 'BindDevice', device: 'd', vm: 'v' };
export const createIoas: Of<'CreateIoas'> = { type: 'CreateIoas', ioas: 'i', vm: 'v' };
export const mapIova = {
  type: 'MapIova',
  ioas: 'i',
  iova: RAM.ipa,
  length: RAM.size,
  pa: RAM.pa,
  read: true,
  write: true,
} as const satisfies Of<'MapIova'>;
export const allocateParent: Of<'AllocateNestParent'> = {
  type: 'AllocateNestParent',
  parent: 'p',
  ioas: 'i',
  device: 'd',
};
export const mapDoorbell: Of<'MapSoftwareMsi'> = {
  type: 'MapSoftwareMsi',
  parent: 'p',
  ipa: '0x8090000',
  pa: '0x8090000',
};
export const createVsmmu: Of<'CreateVsmmu'> = {
  type: 'CreateVsmmu',
  vsmmu: 'vs',
  parent: 'p',
  device: 'd',
  idr: IDR,
};
export const allocateVdevice: Of<'AllocateVdevice'> = {
  type: 'AllocateVdevice',
  vsmmu: 'vs',
  device: 'd',
  vsid: 0x10,
};
export const allocateDomain: Of<'AllocateNestedDomain'> = {
  type: 'AllocateNestedDomain',
  domain: 'n',
  vsmmu: 'vs',
  device: 'd',
  vste: S1_VSTE,
};
export const attach = (
  kind: 'nested-domain' | 's2-parent',
  id: string,
  device = 'd',
): Of<'AttachDevice'> => ({ type: 'AttachDevice', device, target: { kind, id } });
export const detach: Of<'DetachDevice'> = { type: 'DetachDevice', device: 'd' };
export const writeRegister = (
  register: Of<'WriteGuestRegister'>['register'],
  value: Hex,
): CommandOf<'vsmmu'> => ({ type: 'WriteGuestRegister', vsmmu: 'vs', register, value });

/** From nothing to a guest with one device bound. */
export const BOUND: readonly Command[] = [registerHost, addSmmu, addDevice, createVm, bindDevice];
/** … its IOAS and nest parent. */
export const PARENTED: readonly Command[] = [...BOUND, createIoas, mapIova, allocateParent];
/** … its vSMMU, vDEVICE and a nested domain. */
export const NESTED: readonly Command[] = [
  ...PARENTED,
  createVsmmu,
  allocateVdevice,
  allocateDomain,
];

/** A second guest with its own device, IOAS, parent and vSMMU, whose ids end in 2. */
export const SECOND_GUEST: readonly Command[] = [
  { ...addDevice, device: 'd2', streamIds: [9] },
  { ...createVm, vm: 'v2', ram: [{ ...RAM, pa: '0x100200000' }] },
  { ...bindDevice, device: 'd2', vm: 'v2' },
  { ...createIoas, ioas: 'i2', vm: 'v2' },
  { ...allocateParent, parent: 'p2', ioas: 'i2', device: 'd2' },
  { ...createVsmmu, vsmmu: 'vs2', parent: 'p2', device: 'd2' },
];

/** A second SMMU with a device of the first guest behind it. */
export const SECOND_SMMU: readonly Command[] = [
  { ...addSmmu, smmu: 's2' },
  { ...addDevice, device: 'far', smmu: 's2' },
  { ...bindDevice, device: 'far' },
];
