import type { Command, FeatureSwitches, Hex, Policy } from '@steward/domain';

/** The machine a run was recorded on. */
export interface SetUp {
  readonly smmus: readonly string[];
  readonly switches: FeatureSwitches;
  readonly canwbs: boolean;
  readonly devices: readonly Device[];
}

interface Device {
  readonly name: string;
  readonly smmu: string;
  readonly streamId: number;
  readonly ats: boolean;
  /** It has a function-level reset, which VFIO uses. */
  readonly resets: boolean;
}

const IDR: readonly Hex[] = ['0xd44101b', '0x2730010', '0x0', '0x1414', '0x0', '0x74'];
const ONE = ['smmu0'];
const device = (name: string, streamId: number, smmu = 'smmu0', virtio = false): Device => ({
  name,
  smmu,
  streamId,
  ats: virtio,
  resets: virtio,
});
const DEVICES = [
  device('td0', 0x10),
  device('td1', 0x18),
  device('ats0', 0x100, 'smmu0', true),
  device('ats1', 0x200, 'smmu0', true),
];
const TWO_SMMUS = [
  device('td0', 0x10),
  device('td1', 0x18),
  device('rng1', 0x900, 'smmu1'),
  device('ats1', 0xa00, 'smmu1', true),
];

/** What the letters of the recording set up (its README, "Recording runs"). */
export const SET_UPS: Readonly<Record<string, SetUp>> = {
  A: { smmus: ONE, switches: {}, canwbs: true, devices: DEVICES },
  B: { smmus: ONE, switches: { ats: true }, canwbs: true, devices: DEVICES },
  C: {
    smmus: ONE,
    switches: { ats: true, rangeInvalidation: false, ssidBits: 8 },
    canwbs: true,
    devices: DEVICES,
  },
  D: { smmus: ['smmu0', 'smmu1'], switches: { ats: true }, canwbs: true, devices: TWO_SMMUS },
  E: { smmus: ONE, switches: {}, canwbs: false, devices: DEVICES },
  F: { smmus: ONE, switches: { s2fwb: true }, canwbs: false, devices: DEVICES },
  G: { smmus: ONE, switches: { nesting: false }, canwbs: true, devices: DEVICES },
  H: { smmus: ONE, switches: {}, canwbs: true, devices: DEVICES },
};

export const HOST = 'host';
export const VM = 'vmm';

/** The guest buffer: 4 MiB at this IPA. Its backing never lines up with a block, as 4 KiB pages of a process do not. */
export const BUFFER = { ipa: 0x4000_0000, size: 0x40_0000, pa: 0x2_0015_5000 };

/** The commands that build a machine, up to the VMM that is about to open its files. */
export function boot(
  { smmus, switches, canwbs, devices }: SetUp,
  policy: Policy = 'mainline',
): Command[] {
  const hex = (n: number): Hex => `0x${n.toString(16)}`;
  return [
    {
      type: 'RegisterHost',
      host: HOST,
      policy,
      memory: [
        { use: 'kernel', base: '0x100000000', size: '0x8000000' },
        { use: 'guest-ram', base: '0x200000000', size: '0x1000000' },
      ],
    },
    ...smmus.map((smmu): Command => {
      const identity = { smmu, host: HOST, idr: IDR, iidr: '0x0', aidr: '0x1' } as const;
      return { type: 'AddSmmu', ...identity, switches };
    }),
    ...devices.map(({ name, smmu, streamId, ats, resets }): Command => {
      const streamIds = [streamId];
      return { type: 'AddDevice', device: name, smmu, streamIds, canwbs, ats, resets };
    }),
    {
      type: 'CreateVm',
      vm: VM,
      host: HOST,
      owner: 'conformance',
      ram: [{ ipa: hex(BUFFER.ipa), size: hex(BUFFER.size), pa: hex(BUFFER.pa) }],
    },
  ];
}
