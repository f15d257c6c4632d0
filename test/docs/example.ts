import { DECIDERS, decide, parseStream } from '@steward/domain';
import type { AggregateKind, Command, Context, Decider, Hex, StateOf } from '@steward/domain';
import { Machine } from '@steward/machine';
import { STE, commandName, hex64 } from '@steward/smmu';
import { table } from './tables';

const IDR: readonly Hex[] = ['0x0d44141b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'];
const RAM = { iova: '0x80000000', length: '0x400000', pa: '0x100000000' } as const;
const INVALIDATE_PAGE = [0x0009_0000_0000_0012n, 0x1001n];

/** The machine before the VMM opens anything: one SMMU with ATS, one device with StreamID 0x10 that has ATS and the kernel's own DMA domain. */
const MACHINE: readonly Command[] = [
  {
    type: 'RegisterHost',
    host: 'h',
    policy: 'mainline',
    memory: [
      { use: 'kernel', base: '0x40000000', size: '0x1000000' },
      { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
    ],
  },
  { type: 'AddSmmu', smmu: 's', host: 'h', idr: IDR, iidr: '0x0', aidr: '0x1', switches: {} },
  { type: 'AddDevice', device: 'd', smmu: 's', streamIds: [16], canwbs: true, ats: true },
];

const nested = (domain: string, ...vste: [Hex, Hex]): Command => ({
  type: 'AllocateNestedDomain',
  ...{ domain, vsmmu: 'vs', device: 'd', vste },
});
const attach = (id: string): Command => ({
  type: 'AttachDevice',
  device: 'd',
  target: { kind: 'nested-domain', id },
});

/** What a VMM calls, in order, and the command of Steward that each call is. */
const STEPS: readonly (readonly [call: string, command: Command])[] = [
  [
    'open `/dev/iommu`',
    {
      type: 'CreateVm',
      vm: 'v',
      host: 'h',
      owner: 'vmm',
      ram: [{ ipa: RAM.iova, size: RAM.length, pa: RAM.pa }],
    },
  ],
  ['`VFIO_DEVICE_BIND_IOMMUFD`', { type: 'BindDevice', device: 'd', vm: 'v' }],
  ['`IOAS_ALLOC`', { type: 'CreateIoas', ioas: 'i', vm: 'v' }],
  [
    '`IOAS_MAP` of the guest’s RAM',
    { type: 'MapIova', ioas: 'i', ...RAM, read: true, write: true },
  ],
  [
    '`HWPT_ALLOC` with `NEST_PARENT`',
    { type: 'AllocateNestParent', parent: 'p', ioas: 'i', device: 'd' },
  ],
  ['`VIOMMU_ALLOC`', { type: 'CreateVsmmu', vsmmu: 'vs', parent: 'p', device: 'd', idr: IDR }],
  ['`HWPT_ALLOC` on the vIOMMU, vSTE bypass', nested('bypass', '0x9', '0x0')],
  [
    '`VDEVICE_ALLOC` with the vSID',
    { type: 'AllocateVdevice', vsmmu: 'vs', device: 'd', vsid: 0x80 },
  ],
  ['attach to bypass', attach('bypass')],
  ['`HWPT_ALLOC`, the guest’s first vSTE', nested('guest-1', '0x8000000b', '0xd6')],
  ['attach to it (replace)', attach('guest-1')],
  [
    '`HWPT_INVALIDATE`: `TLBI_NH_VA`',
    { type: 'ForwardInvalidations', vsmmu: 'vs', words: BigUint64Array.from(INVALIDATE_PAGE) },
  ],
  ['`HWPT_ALLOC`, a vSTE with ATS', nested('guest-2', '0x8000000b', '0x100000d6')],
  ['attach to it (replace)', attach('guest-2')],
  ['`DESTROY` of the first', { type: 'FreeNestedDomain', domain: 'guest-1' }],
  ['`IOAS_UNMAP` of all RAM', { type: 'UnmapIova', ioas: 'i', iova: RAM.iova, length: RAM.length }],
  ['detach', { type: 'DetachDevice', device: 'd' }],
  ['`DESTROY` of the second', { type: 'FreeNestedDomain', domain: 'guest-2' }],
  ['`DESTROY` of bypass', { type: 'FreeNestedDomain', domain: 'bypass' }],
  ['`DESTROY` of the vDEVICE', { type: 'FreeVdevice', vsmmu: 'vs', device: 'd' }],
  ['`DESTROY` of the vIOMMU', { type: 'FreeVsmmu', vsmmu: 'vs' }],
  ['`DESTROY` of the nest parent', { type: 'FreeNestParent', parent: 'p' }],
  ['`DESTROY` of the IOAS', { type: 'FreeIoas', ioas: 'i' }],
  ['close the device', { type: 'ReleaseDevice', device: 'd' }],
];

/** Plays the example on the real model and tells what each step put on the SMMU's command queue. */
export function workedExample(): string {
  const states = new Map<string, unknown>();
  const context: Context = {
    get: <K extends AggregateKind>(kind: K, id: string) =>
      states.get(`${kind}/${id}`) as StateOf<K> | undefined,
  };
  const machine = new Machine();
  let position = 0;
  const play = (command: Command): string[] => {
    const decision = decide(command, context);
    if (!decision.ok) throw new Error(`${command.type}: ${decision.errno} ${decision.reason}`);
    const { events } = decision;
    const { effects } = machine.apply({ position: ++position, host: 'h', events: events as never });
    for (const { stream, event } of events) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<AggregateKind>;
      const before = states.get(stream) as StateOf<AggregateKind> | undefined;
      states.set(stream, decider.evolve(before, event as never));
    }
    const issued: string[] = [];
    for (const { kind, words } of effects) {
      if (kind !== 'commands') continue;
      for (let i = 0; i < words.length; i += 2) {
        const pair = [words[i]!, words[i + 1]!] as const;
        const name = commandName(pair)!;
        const digits = pair
          .map((word) =>
            hex64(word)
              .slice(2)
              .replace(/^0+(?=.)/, ''),
          )
          .join(' ');
        issued.push(name === 'SYNC' ? '`SYNC`' : `\`${name} ${digits}\``);
      }
    }
    return issued;
  };
  for (const command of MACHINE) play(command);
  const rows = STEPS.map(([call, command], i) => {
    const issued = play(command).join('<br>');
    const ste = machine.host('h').physicalSte('d');
    const state = `${STE.nameOf(ste, 'Config')}, EATS=${STE.get(ste, 'EATS')}`;
    return [String(i + 1), call, issued || '–', state];
  });
  return table(['', 'call', 'commands on the hardware', 'the STE then'], rows);
}
