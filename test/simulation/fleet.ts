import { toHex, type Hex } from '@steward/domain';
import type { TappedQueue } from '@steward/host';
import type { Finding } from '@steward/machine';
import type { CachedEntry } from '@steward/smmu';
import { virtualIdr } from '@steward/vmm';
import { seeded } from '../seeded';
import { Adversary, type Reader } from './adversary';
import type { Planted } from './command-defects';
import type { Defect, Owner } from './defects';
import { RAM_BYTES, SimulatedVm } from './simulated-vm';
import { HOST, World, type Listener } from './world';

const KERNEL = { base: 0x4000_0000, size: 0x1000_0000 };
const RAM = 0x1_0000_0000;
const VMS = 3;
const DEVICES_PER_VM = 2;

/** What an invariant says when it is broken. */
export interface Breach {
  readonly position: number;
  /** Name of the invariant. */
  readonly by: string;
  readonly what: string;
  /** Whose fault it is; absent where the invariant cannot tell. */
  readonly culprit?: Owner;
  /** Commits in which it began. */
  readonly since?: number;
}

export interface FleetOptions {
  readonly defect?: Defect;
  /** Hardware reads ahead at the worst of moments. Default true. */
  readonly faults?: boolean;
}

/** A host with VMs that come and go, by a seed: everything that may happen on it, checked at every step. */
export class Fleet implements Listener, Reader {
  readonly breaches: Breach[] = [];
  readonly world: World;
  /** The defect between driver and queues, and where it acted. */
  readonly planted: Planted | undefined;
  private readonly random: (below: number) => number;
  private readonly vms: (SimulatedVm | undefined)[] = [];
  private readonly idr: readonly Hex[];
  private made = 0;

  constructor(
    seed: number,
    private readonly options: FleetOptions = {},
  ) {
    this.random = seeded(seed);
    for (let i = 0; i < 8; i++) this.random(2);
    const { defect, faults = true } = options;
    const planted = defect?.tap?.(() => this.world.position);
    const tap = faults ? new Adversary(this, planted) : planted;
    this.planted = planted;
    this.world = new World(this, {
      ...(tap !== undefined && { tap }),
      ...(defect?.vmmSkips !== undefined && { vmmSkips: defect.vmmSkips }),
    });
    const ril = this.random(2) === 0;
    const ats = this.random(2) === 0;
    this.ats = defect?.ats ?? ats;
    const twoSmmus = this.random(2) === 0;
    this.idr = ['0x0d44101b', '0x02730010', '0x0', ril ? '0x1414' : '0x1014', '0x0', '0x75'];
    this.idr = this.idr.map((word, i) => (i === 3 && !ril ? '0x1014' : word));
    this.smmus = twoSmmus ? ['smmu0', 'smmu1'] : ['smmu0'];
    this.ril = ril;
  }

  private readonly smmus: readonly string[];
  private readonly ril: boolean;
  private readonly ats: boolean;

  /** The machine before any VM. */
  setUp(): void {
    const { world } = this;
    const memory = [
      { use: 'kernel', base: toHex(KERNEL.base), size: toHex(KERNEL.size) },
      { use: 'guest-ram', base: toHex(RAM), size: toHex(VMS * RAM_BYTES) },
    ] as const;
    world.mustAsk({ type: 'RegisterHost', host: HOST, policy: 'mainline', memory });
    for (const smmu of this.smmus) {
      const switches = { ats: this.ats, rangeInvalidation: this.ril };
      const ids = { idr: this.idr, iidr: '0x0', aidr: '0x1' } as const;
      world.mustAsk({ type: 'AddSmmu', smmu, host: HOST, ...ids, switches });
    }
    for (let vm = 0; vm < VMS; vm++) {
      const smmu = this.smmus[vm % this.smmus.length]!;
      for (let n = 0; n < DEVICES_PER_VM; n++) {
        const device = deviceOf(vm, n);
        const streamIds = [this.streamIdOf(device)];
        const ats = this.ats;
        world.mustAsk({ type: 'AddDevice', device, smmu, streamIds, canwbs: true, ats, atc: ats });
      }
    }
  }

  /** One step of one VM; now and then one goes, or comes. */
  step(): void {
    const at = this.random(VMS);
    const vm = this.vms[at];
    if (vm === undefined) this.vms[at] = this.createVm(at);
    else if (this.random(200) === 0) {
      vm.tearDown();
      this.vms[at] = undefined;
    } else vm.step();
  }

  /** Whatever devices behind an SMMU might want is fetched and translated, here and in their ATCs. */
  readAhead({ smmu, hardware }: TappedQueue): void {
    for (const [at, vm] of this.vms.entries()) {
      if (this.smmus[at % this.smmus.length] !== smmu) continue;
      for (let n = 0; n < DEVICES_PER_VM; n++) {
        const device = deviceOf(at, n);
        const streamId = this.streamIdOf(device);
        for (const iova of vm?.hotIovas(device) ?? [0x1000]) {
          const address = BigInt(iova);
          hardware.prefetch({ streamId, address });
          if (this.ats) this.world.machine.host(HOST).readAhead(device, address);
        }
      }
    }
  }

  applied({ position, effects, findings }: Parameters<Listener['applied']>[0]): void {
    for (const finding of findings) this.judge(finding);
    for (const { kind, payload } of effects) {
      if (kind === 'dma' && payload.mismatched > 0) {
        this.breaches.push({ position, by: 'dma', what: payload.mismatches[0] ?? '' });
      } else if (kind === 'command-error') {
        this.breaches.push({ position, by: 'command-error', what: payload.error });
      }
    }
  }

  private judge(finding: Finding): void {
    if (finding.kind === 'violation') {
      const { rule, at, by: culprit, smmu, left } = finding.violation;
      const what = `${smmu}, ${at.event}: ${cachedText(left?.entries[0]?.entry)}`;
      const { position } = at;
      this.breaches.push({ position, by: rule, what, culprit, since: position });
    } else if (finding.kind === 'use') {
      const { at, device, iova, opened, owner } = finding.use;
      const what = `${device} at 0x${iova.toString(16)}, stale since ${opened.position}`;
      const culprit = owner.kind === 'host' ? 'host driver' : 'guest';
      const { position } = at;
      this.breaches.push({ position, by: 'stale-use', what, culprit, since: opened.position });
    }
  }

  private createVm(at: number): SimulatedVm {
    const devices = Array.from({ length: DEVICES_PER_VM }, (_, n) => deviceOf(at, n));
    const idr = virtualIdr(this.idr.map(BigInt)).map((word) => toHex(word));
    const features = { ats: this.ats, ril: this.ril, idr, defect: this.options.defect?.guest };
    const base = RAM + at * RAM_BYTES;
    const vmName = `vm${at}`;
    const name = `${vmName}.${this.made++}`;
    const vm = new SimulatedVm(this.world, this.random, vmName, name, devices, base, features);
    vm.setUp();
    return vm;
  }

  private streamIdOf(device: string): number {
    const [vm = 0, n = 0] = device.slice(1).split('.').map(Number);
    return 0x10 + vm * 8 + n;
  }
}

function cachedText(entry: CachedEntry | undefined): string {
  if (entry === undefined) return '';
  return Object.entries(entry)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function deviceOf(vm: number, n: number): string {
  return `d${vm}.${n}`;
}
