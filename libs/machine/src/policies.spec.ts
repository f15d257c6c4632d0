import { DECIDERS, decide, parseStream, toHex } from '@steward/domain';
import type { AggregateKind, Command, Context, Decider, Hex, StateOf } from '@steward/domain';
import { HOST_POLICIES, POLICY_RULES } from '@steward/host';
import type { ForcedFeatures, HostPolicy, PolicyRules } from '@steward/host';
import { COMMANDS, STE, commandName, opcodeOf } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { Machine } from './machine';

const S1: readonly [Hex, Hex] = ['0x8000000b', '0xd6'];
const BYPASS: readonly [Hex, Hex] = ['0x9', '0x0'];
const PAGES = 512;
/** 2 MiB of guest memory across two leaf tables, so that it is mapped page by page and no table goes with it. */
const RAM = { iova: '0x40001000', length: toHex(BigInt(PAGES * 4096)), pa: '0x100001000' } as const;

interface Setting {
  readonly features?: ForcedFeatures;
  readonly canwbs?: boolean;
}

/** One host under a policy, with a guest whose one device has ATS. */
class World implements Context {
  private readonly states = new Map<string, unknown>();
  private readonly machine = new Machine();
  private commits = 0;
  /** What the driver issued of its own since the last look. */
  private issued: CommandWords[] = [];

  constructor(
    readonly policy: HostPolicy,
    { features = {}, canwbs = true }: Setting = {},
  ) {
    const switches = { ats: true, ...features };
    const idr: Hex[] = ['0x0d44101b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'];
    const ram = [{ ipa: RAM.iova, size: RAM.length, pa: RAM.pa }];
    for (const command of [
      {
        type: 'RegisterHost',
        host: 'h',
        policy,
        memory: [
          { use: 'kernel', base: '0x40000000', size: '0x1000000' },
          { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
        ],
      },
      { type: 'AddSmmu', smmu: 's', host: 'h', idr, iidr: '0x0', aidr: '0x1', switches },
      {
        type: 'AddDevice',
        device: 'd',
        smmu: 's',
        streamIds: [8],
        canwbs,
        ats: true,
        pasidBits: 8,
      },
      { type: 'CreateVm', vm: 'v', host: 'h', owner: 'ann', ram },
      { type: 'BindDevice', device: 'd', vm: 'v' },
      { type: 'CreateIoas', ioas: 'i', vm: 'v' },
      { type: 'MapIova', ioas: 'i', ...RAM, read: true, write: true },
      { type: 'AllocateNestParent', parent: 'p', ioas: 'i', device: 'd' },
    ] satisfies Command[]) {
      const answer = this.ask(command);
      if (answer !== 'OK') throw new Error(`${command.type}: ${answer}`);
    }
    this.commands();
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(`${kind}/${id}`) as StateOf<K> | undefined;
  }

  /** Decides, and lets the machine follow. The answer is the kernel's errno, or OK. */
  ask(command: Command): string {
    const decision = decide(command, this);
    if (!decision.ok) return decision.errno;
    const { effects } = this.machine.apply({
      position: ++this.commits,
      host: 'h',
      events: decision.events as never,
    });
    for (const { stream, event } of decision.events) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<AggregateKind>;
      const before = this.states.get(stream) as StateOf<AggregateKind> | undefined;
      this.states.set(stream, decider.evolve(before, event as never));
    }
    for (const { kind, words } of effects) {
      if (kind !== 'commands') continue;
      for (let i = 0; i < words.length; i += 2) this.issued.push([words[i]!, words[i + 1]!]);
    }
    return 'OK';
  }

  /** A nested domain in the policy's own way: on a vIOMMU with a vDEVICE, or on the parent. */
  nest(vste: readonly [Hex, Hex], vdevice = true): string {
    const domain = { type: 'AllocateNestedDomain', domain: 'n', device: 'd', vste } as const;
    if (POLICY_RULES[this.policy].nestedOn === 's2-parent') {
      return this.ask({ ...domain, parent: 'p' });
    }
    const made = this.viommu();
    if (made !== 'OK') return `vIOMMU: ${made}`;
    if (vdevice) this.ask({ type: 'AllocateVdevice', vsmmu: 'vs', device: 'd', vsid: 1 });
    return this.ask({ ...domain, vsmmu: 'vs' });
  }

  viommu(): string {
    return this.ask({ type: 'CreateVsmmu', vsmmu: 'vs', parent: 'p', device: 'd', idr: [] });
  }

  attach(kind: 'nested-domain' | 's2-parent', id: string): string {
    return this.ask({ type: 'AttachDevice', device: 'd', target: { kind, id } });
  }

  attachPasid(holder: 'iommufd' | 'kernel'): string {
    const target = { kind: 's1-domain', id: 'k' } as const;
    return this.ask({ type: 'AttachPasid', device: 'd', pasid: 5, target, holder });
  }

  unmap(): string {
    this.commands();
    this.ask({ type: 'UnmapIova', ioas: 'i', iova: RAM.iova, length: RAM.length });
    return this.commands();
  }

  /** Names of the commands issued since the last look, each with its number of repetitions; hints left out. */
  commands(): string {
    const names: string[] = [];
    for (const words of this.issued) {
      const name = commandName(words)!;
      if (name !== 'PREFETCH_CONFIG') names.push(`${name}${sizeOf(words)}`);
    }
    this.issued = [];
    const runs = names.join(' ').replace(/\b(\S+)(?: \1(?= |$))+/g, (all, name: string) => {
      return `${name}×${all.split(' ').length}`;
    });
    return runs || 'nothing';
  }

  ste(field: 'EATS' | 'MEV' | 'Config'): string {
    return `${field}=${STE.get(this.machine.host('h').physicalSte('d'), field)}`;
  }
}

function sizeOf(words: CommandWords): string {
  if (opcodeOf(words) !== COMMANDS.ATC_INV.opcode) return '';
  return COMMANDS.ATC_INV.layout.get(words, 'Size') === 52n ? '(whole)' : '(range)';
}

/** One thing a VMM can see the two policies do differently. */
interface Difference {
  readonly rule: keyof PolicyRules;
  readonly what: string;
  readonly see: (world: World) => string;
  readonly setting?: Setting;
  readonly mainline: string;
  readonly 'v2-2024-08': string;
}

const DIFFERENCES: readonly Difference[] = [
  {
    rule: 'nestedOn',
    what: 'the allocation of a nested domain directly on its parent',
    see: (world) =>
      world.ask({
        ...{ type: 'AllocateNestedDomain', domain: 'n', parent: 'p', device: 'd' },
        vste: S1,
      } as Command),
    mainline: 'EOPNOTSUPP',
    'v2-2024-08': 'OK',
  },
  {
    rule: 'nestedOn',
    what: 'the allocation of a vIOMMU',
    see: (world) => world.viommu(),
    mainline: 'OK',
    'v2-2024-08': 'EOPNOTSUPP',
  },
  {
    rule: 'nestedOn',
    what: 'which allocation fails for a device that could bypass the caches',
    see: (world) => world.nest(S1),
    setting: { canwbs: false },
    mainline: 'vIOMMU: EOPNOTSUPP',
    'v2-2024-08': 'EOPNOTSUPP',
  },
  {
    rule: 'invalidVste',
    what: 'a vSTE with V=0 and other bits set',
    see: (world) => world.nest(['0xfffffffffffffffe', '0x0']),
    mainline: 'OK',
    'v2-2024-08': 'EIO',
  },
  {
    rule: 'vsteEatsMax',
    what: 'a vSTE with EATS=1',
    see: (world) => world.nest([S1[0], '0x100000d6']),
    mainline: 'OK',
    'v2-2024-08': 'EIO',
  },
  {
    rule: 'nestedAts',
    what: 'ATS of a device on a bypass vSTE',
    see: (world) => {
      world.nest(BYPASS);
      world.attach('nested-domain', 'n');
      return world.ste('EATS');
    },
    mainline: 'EATS=1',
    'v2-2024-08': 'EATS=0',
  },
  {
    rule: 'nestedMev',
    what: 'merged events of a nested STE',
    see: (world) => {
      world.nest(S1);
      world.attach('nested-domain', 'n');
      return world.ste('MEV');
    },
    mainline: 'MEV=1',
    'v2-2024-08': 'MEV=0',
  },
  {
    rule: 'vdevice',
    what: 'the attach to a stage-1 vSTE without a vDEVICE',
    see: (world) => {
      world.nest(S1, false);
      return world.attach('nested-domain', 'n');
    },
    mainline: 'ENOENT',
    'v2-2024-08': 'OK',
  },
  {
    rule: 'pasidsInUse',
    what: 'a nested attach while PASIDs are attached',
    see: (world) => {
      world.nest(S1);
      world.ask({ type: 'AllocateS1Domain', domain: 'k', ioas: 'i', device: 'd' });
      return `${world.attachPasid('kernel')} ${world.attach('nested-domain', 'n')}`;
    },
    setting: { features: { ssidBits: 8 } },
    mainline: 'OK EBUSY',
    'v2-2024-08': 'OK EINVAL',
  },
  {
    rule: 'pasidAttach',
    what: 'the attach of a PASID by a VMM',
    see: (world) => {
      world.ask({ type: 'AllocateS1Domain', domain: 'k', ioas: 'i', device: 'd', pasid: true });
      return world.attachPasid('iommufd');
    },
    setting: { features: { ssidBits: 8 } },
    mainline: 'OK',
    'v2-2024-08': 'EINVAL',
  },
  {
    rule: 'tagHeldBy',
    what: 'an unmap while no device is attached',
    see: (world) => world.unmap(),
    mainline: 'nothing',
    'v2-2024-08': 'TLBI_S2_IPA SYNC TLBI_NH_ALL SYNC',
  },
  {
    rule: 'tagHeldBy',
    what: 'the detach of a parent\u2019s last device',
    see: (world) => {
      world.attach('s2-parent', 'p');
      world.commands();
      world.ask({ type: 'DetachDevice', device: 'd' });
      return world.commands();
    },
    mainline: 'CFGI_STE SYNC CFGI_STE SYNC ATC_INV(whole) SYNC TLBI_S12_VMALL SYNC',
    'v2-2024-08': 'CFGI_STE SYNC CFGI_STE SYNC ATC_INV(whole) SYNC',
  },
  {
    rule: 'parentAtc',
    what: 'an unmap below an ATS device that is on the parent itself',
    see: (world) => {
      world.attach('s2-parent', 'p');
      return world.unmap();
    },
    mainline: 'TLBI_S2_IPA SYNC TLBI_NH_ALL SYNC ATC_INV(whole) SYNC',
    'v2-2024-08': 'TLBI_S2_IPA SYNC TLBI_NH_ALL SYNC ATC_INV(range) SYNC',
  },
  {
    rule: 'longRange',
    what: 'an unmap of 2 MiB of pages where range invalidation is absent',
    see: (world) => {
      world.attach('s2-parent', 'p');
      return world.unmap();
    },
    setting: { features: { rangeInvalidation: false, ats: false } },
    mainline: 'TLBI_S12_VMALL SYNC',
    'v2-2024-08': 'TLBI_S2_IPA×512 SYNC TLBI_NH_ALL SYNC',
  },
];

describe('the policies side by side', () => {
  it.each(DIFFERENCES.map((d) => [d.rule, d.what, d] as const))('%s: %s', (_, __, difference) => {
    for (const policy of HOST_POLICIES) {
      const world = new World(policy, difference.setting);
      expect([policy, difference.see(world)]).toEqual([policy, difference[policy]]);
    }
  });

  it('differ in every rule that is declared, and in no other way that is listed', () => {
    const shown = new Set(DIFFERENCES.map((d) => d.rule));
    expect([...shown].sort()).toEqual(Object.keys(POLICY_RULES.mainline).sort());
  });

  it('agree on what a stage-2 change of nested devices needs: stage 1 of the VMID straight after stage 2', () => {
    const seen = HOST_POLICIES.map((policy) => {
      const world = new World(policy, { features: { ats: false } });
      world.nest(S1);
      world.attach('nested-domain', 'n');
      return world.unmap();
    });
    expect(new Set(seen)).toEqual(new Set(['TLBI_S2_IPA SYNC TLBI_NH_ALL SYNC']));
  });

  it.each([
    ['a change without a device attached', () => undefined, {}],
    ['a change below an ATS device', (w: World) => w.attach('s2-parent', 'p'), {}],
    [
      'a long change without range invalidation',
      (w: World) => w.attach('s2-parent', 'p'),
      { features: { rangeInvalidation: false, ats: false } },
    ],
  ])('take over from each other: %s is told as if it had always been so', (_, prepare, setting) => {
    for (const [from, to] of [HOST_POLICIES, [...HOST_POLICIES].reverse()] as const) {
      const [always, changed] = [new World(to!, setting), new World(from!, setting)];
      for (const world of [always, changed]) prepare(world);
      expect(changed.ask({ type: 'ChangePolicy', host: 'h', policy: to! })).toBe('OK');
      expect(changed.unmap()).toBe(always.unmap());
    }
  });

  it('leave nothing cached under a tag that nobody holds after the change', () => {
    const world = new World('v2-2024-08');
    world.attach('s2-parent', 'p');
    world.ask({ type: 'DetachDevice', device: 'd' });
    world.commands();
    world.ask({ type: 'ChangePolicy', host: 'h', policy: 'mainline' });
    expect(world.commands()).toBe('TLBI_S12_VMALL SYNC TLBI_NH_ASID SYNC');
  });

  it('use what features are forced while all runs: page by page once range invalidation is off', () => {
    const world = new World('v2-2024-08', { features: { ats: false } });
    world.attach('s2-parent', 'p');
    const switches = { rangeInvalidation: false };
    expect(world.ask({ type: 'ForceFeatures', smmu: 's', switches })).toBe('OK');
    expect(world.unmap()).toBe('TLBI_S2_IPA×512 SYNC TLBI_NH_ALL SYNC');
  });
});
