import {
  addressOf,
  encodeDma,
  toHex,
  type Command,
  type DmaAccess,
  type Hex,
} from '@steward/domain';
import { GUEST_PAGE, GuestKernel } from '@steward/guest';
import type { GuestDomain, InvalidationStyle, SimulatedAction } from '@steward/guest';
import { HOST, type World } from './world';

const MIB = 2 ** 20;
const BLOCK = 2 * MIB;
/** Guest RAM: what the kernel keeps for itself, data that stays, and data the host takes and gives. */
const KERNEL = { ipa: 0x4000_0000, size: 4 * MIB };
const STEADY = { ipa: 0x4040_0000, size: 2 * MIB };
const LOOSE = { ipa: 0x8000_0000, size: 4 * MIB };
/** Where guests map: near, and where a table of its own is needed. */
const IOVAS = [0x1000_0000, 0x1020_0000, 0x7f_c000_0000] as const;
const PAGES = 12;
const STYLES: readonly InvalidationStyle[] = ['va', 'vaa', 'range', 'asid', 'all'];
const PROXIES: Readonly<Record<'abort' | 'bypass', Hex>> = { abort: '0x1', bypass: '0x9' };

/** Host addresses that one VM's RAM takes. */
export const RAM_BYTES = 16 * MIB;

type Random = (below: number) => number;

interface Stream {
  readonly device: string;
  readonly vsid: number;
  /** What the guest's STE says. */
  guest: 'abort' | 'bypass' | GuestDomain;
  /**
   * What the host attached it to; `guest`: whatever the guest says; `all` and `loose`: a stage-1 domain
   * of the kernel's own, over all of the VM's RAM or over the memory that comes and goes.
   */
  host: 'guest' | 'parent' | 'blocked' | 'all' | 'loose';
}

/** What a VM of the fleet is like. */
interface VmFeatures {
  readonly ats: boolean;
  readonly ril: boolean;
  /** ID registers that its guest sees. */
  readonly idr: readonly Hex[];
  /** What its guest does instead of an action. */
  readonly defect?: ((action: SimulatedAction) => SimulatedAction | undefined) | undefined;
}

/** A VM of the simulated fleet: what it may do next, does, and what must come of its DMA. */
export class SimulatedVm {
  readonly streams: Stream[];
  private readonly kernel: GuestKernel;
  private readonly domains: GuestDomain[] = [];
  private readonly ram: { readonly ipa: Hex; readonly size: Hex; readonly pa: Hex }[];
  private looseMapped = true;

  constructor(
    private readonly world: World,
    private readonly random: Random,
    /** The VM, which is for ever, and the name of what it has this time. */
    private readonly vm: string,
    private readonly name: string,
    devices: readonly string[],
    base: number,
    private readonly features: VmFeatures,
  ) {
    this.kernel = new GuestKernel(KERNEL.ipa, KERNEL.size, features);
    this.streams = devices.map((device, i) => ({
      ...{ device, vsid: i + 1, guest: 'bypass' as const, host: 'guest' as const },
    }));
    // Odd pages make stage 2 map the first pieces page by page; the last gets blocks.
    this.ram = [
      { ...KERNEL, pa: base + GUEST_PAGE },
      { ...STEADY, pa: base + 6 * MIB + GUEST_PAGE },
      { ...LOOSE, pa: base + 10 * MIB },
    ].map(({ ipa, size, pa }) => ({ ipa: toHex(ipa), size: toHex(size), pa: toHex(pa) }));
  }

  /** Creates the VM if there is none yet, gives it its devices, boots its kernel. */
  setUp(): void {
    const { name, world } = this;
    const [first] = this.streams;
    const device = first!.device;
    const ask = (command: Command): void => world.mustAsk(command);
    if (world.get('vm', this.vm) === undefined) {
      ask({ type: 'CreateVm', vm: this.vm, host: HOST, owner: 'simulation', ram: this.ram });
    }
    for (const { device: id } of this.streams) ask({ type: 'BindDevice', device: id, vm: this.vm });
    ask({ type: 'CreateIoas', ioas: `${name}.ioas`, vm: this.vm });
    for (const { ipa, size: length, pa } of this.ram) {
      ask({
        type: 'MapIova',
        ioas: `${name}.ioas`,
        iova: ipa,
        length,
        pa,
        read: true,
        write: true,
      });
    }
    ask({ type: 'CreateIoas', ioas: `${name}.loose`, vm: this.vm });
    this.giveLoose(`${name}.loose`);
    ask({ type: 'AllocateNestParent', parent: `${name}.s2`, ioas: `${name}.ioas`, device });
    const { idr } = this.features;
    ask({ type: 'CreateVsmmu', vsmmu: name, parent: `${name}.s2`, device, idr });
    for (const [kind, word] of Object.entries(PROXIES)) {
      const vste = [word, '0x0'] as const;
      ask({ type: 'AllocateNestedDomain', domain: `${name}.${kind}`, vsmmu: name, device, vste });
    }
    for (const { device: id, vsid } of this.streams) {
      ask({ type: 'AllocateVdevice', vsmmu: name, device: id, vsid });
      this.attachTo(id, 'nested-domain', `${name}.bypass`);
    }
    this.play(this.kernel.boot());
    for (const stream of this.streams) stream.guest = 'abort';
    for (let n = 0; n < 2; n++) this.domains.push(this.playFor(this.kernel.createDomain()));
  }

  /** Takes everything away again, in the order that the kernel demands. */
  tearDown(): void {
    const { name, world } = this;
    const ask = (command: Command): void => world.mustAsk(command);
    for (const { device } of this.streams) ask({ type: 'ReleaseDevice', device });
    for (const [id] of world.get('vsmmu', name)?.users ?? []) {
      const domain = /^nested-domain\/(.+)$/.exec(id)?.[1];
      if (domain !== undefined) ask({ type: 'FreeNestedDomain', domain });
    }
    ask({ type: 'FreeVsmmu', vsmmu: name });
    ask({ type: 'FreeNestParent', parent: `${name}.s2` });
    ask({ type: 'FreeIoas', ioas: `${name}.ioas` });
    ask({ type: 'FreeIoas', ioas: `${name}.loose` });
  }

  /** One step of what the VM, its VMM and its host's operator do. */
  step(): void {
    const stream = this.streams[this.random(this.streams.length)]!;
    const roll = this.random(100);
    if (roll < 40) this.dma();
    else if (roll < 55) this.map();
    else if (roll < 72) this.unmap();
    else if (roll < 80) this.restage(stream);
    else if (roll < 84) this.replaceDomain();
    else if (roll < 92) this.moveMemory();
    else this.reattach(stream);
  }

  /** IOVAs of a device that are worth reading ahead: those mapped, and their neighbours. */
  hotIovas(device: string): number[] {
    const stream = this.streams.find((s) => s.device === device);
    if (stream === undefined) return [];
    const plain = [STEADY.ipa, LOOSE.ipa, LOOSE.ipa + LOOSE.size - GUEST_PAGE];
    if (stream.host !== 'guest' || typeof stream.guest !== 'object') return plain;
    return [...stream.guest.table.mappings.keys(), IOVAS[0]];
  }

  private dma(): void {
    const accesses: DmaAccess[] = [];
    for (let n = 1 + this.random(4); n > 0; n--) accesses.push(this.access());
    const devices = this.streams.map(({ device }) => device);
    const words = encodeDma(accesses);
    const segments = [{ op: 'dma', count: accesses.length }] as const;
    this.world.mustAsk({ type: 'GuestActs', vm: this.vm, devices, segments, words });
  }

  /** An access to what is mapped, as a rule, and what must come of it. */
  private access(): DmaAccess {
    const device = this.random(this.streams.length);
    const stream = this.streams[device]!;
    const write = this.random(2) === 0;
    const at = (iova: number, expect: DmaAccess['expect']): DmaAccess => ({
      ...{ device, stream: 0, write, iova: BigInt(iova), expect: expect! },
    });
    const abort = { kind: 'abort' } as const;
    if (stream.host === 'blocked') return at(STEADY.ipa, abort);
    if (stream.host === 'loose') {
      const ipa = LOOSE.ipa + this.random(LOOSE.size / 8) * 8;
      return at(ipa, this.looseMapped ? ok(ipa, true) : abort);
    }
    if (stream.host !== 'guest' || stream.guest === 'bypass') {
      const piece = this.random(2) === 0 ? STEADY : LOOSE;
      const ipa = piece.ipa + this.random(piece.size / 8) * 8;
      return at(ipa, this.isBacked(ipa) ? ok(ipa, true) : abort);
    }
    if (stream.guest === 'abort') return at(STEADY.ipa, abort);
    const { mappings } = stream.guest.table;
    if (mappings.size === 0 || this.random(5) === 0) {
      const iova = this.randomIova();
      if (!mappings.has(iova) && !mappings.has(iova - (iova % BLOCK))) return at(iova, abort);
    }
    if (mappings.size === 0) return at(0x5000, abort);
    const [iova, mapping] = [...mappings][this.random(mappings.size)]!;
    const offset = this.random((mapping.level === 3 ? GUEST_PAGE : BLOCK) / 8) * 8;
    const ipa = mapping.ipa + offset;
    const permitted = !write || mapping.writable;
    const ends = permitted && this.isBacked(ipa) ? ok(ipa, mapping.writable) : abort;
    return at(iova + offset, ends);
  }

  private map(): void {
    const domain = this.anyDomain();
    const iova = this.randomIova();
    const block = this.random(6) === 0;
    const at = block ? iova - (iova % BLOCK) : iova;
    const { mappings } = domain.table;
    for (const known of mappings.keys()) {
      if (known === at || known - (known % BLOCK) === (block ? at : NaN)) return;
      if (mappings.get(known)?.level === 2 && at - (at % BLOCK) === known) return;
    }
    const loose = this.random(3) === 0;
    const piece = loose ? LOOSE : STEADY;
    const size = block ? BLOCK : GUEST_PAGE;
    const ipa = piece.ipa + this.random(piece.size / size) * size;
    const writable = this.random(3) > 0;
    this.play(this.kernel.map(domain, at, { ipa, writable, level: block ? 2 : 3 }));
  }

  private unmap(): void {
    const domain = this.anyDomain();
    const all = [...domain.table.mappings.keys()].sort((a, b) => a - b);
    if (all.length === 0) return;
    const first = this.random(all.length);
    const { level } = domain.table.mappings.get(all[first]!)!;
    const size = level === 3 ? GUEST_PAGE : BLOCK;
    const run = [all[first]!];
    while (run.length <= this.random(6)) {
      const next = run[0]! + run.length * size;
      if (domain.table.mappings.get(next)?.level !== level) break;
      run.push(next);
    }
    this.play(this.kernel.unmap(domain, run, STYLES[this.random(STYLES.length)]!));
  }

  private restage(stream: Stream): void {
    const to = this.random(5);
    if (to < 3) {
      const domain = this.anyDomain();
      stream.guest = domain;
      this.play(this.kernel.attach(stream.vsid, domain));
      if (stream.host !== 'guest') this.play(this.kernel.refresh(stream.vsid));
    } else {
      stream.guest = to === 3 ? 'abort' : 'bypass';
      this.play(this.kernel.detach(stream.vsid, stream.guest));
    }
    // The VMM follows the guest's stream table whatever the operator did before.
    stream.host = 'guest';
  }

  /** A domain nobody uses any more goes, and a new one comes under, perhaps, its ASID. */
  private replaceDomain(): void {
    const at = this.random(this.domains.length);
    const old = this.domains[at]!;
    if (this.streams.some(({ guest }) => guest === old)) return;
    if ([...this.kernel.attached.values()].includes(old)) return;
    this.play(this.kernel.freeDomain(old));
    this.domains[at] = this.playFor(this.kernel.createDomain());
  }

  /** The host takes memory from the guest, or gives it back. */
  private moveMemory(): void {
    const { ipa: iova, size: length } = this.ram[2]!;
    for (const ioas of [`${this.name}.ioas`, `${this.name}.loose`]) {
      if (this.looseMapped) this.world.mustAsk({ type: 'UnmapIova', ioas, iova, length });
      else this.giveLoose(ioas);
    }
    this.looseMapped = !this.looseMapped;
  }

  /** As one range, which gets blocks; or cut, so that its first block has a table of pages. */
  private giveLoose(ioas: string): void {
    const [ipa, pa] = [this.ram[2]!.ipa, this.ram[2]!.pa].map(addressOf) as [number, number];
    const cuts = this.random(2) === 0 ? [0, LOOSE.size] : [0, GUEST_PAGE, LOOSE.size];
    for (let n = 1; n < cuts.length; n++) {
      const [from, to] = [cuts[n - 1]!, cuts[n]!];
      const range = { iova: toHex(ipa + from), length: toHex(to - from), pa: toHex(pa + from) };
      this.world.mustAsk({ type: 'MapIova', ioas, ...range, read: true, write: true });
    }
  }

  /** The operator moves a device; or gives it back to whatever its guest says. */
  private reattach(stream: Stream): void {
    const { device } = stream;
    const { world, name } = this;
    const to = (['blocked', 'parent', 'all', 'loose', 'guest', 'guest'] as const)[this.random(6)]!;
    if (to === stream.host) return;
    stream.host = to;
    if (to === 'blocked') return world.mustAsk({ type: 'DetachDevice', device });
    if (to === 'parent') return this.attachTo(device, 's2-parent', `${name}.s2`);
    if (to === 'all' || to === 'loose') {
      const ioas = to === 'all' ? `${name}.ioas` : `${name}.loose`;
      const target = { kind: 'ioas', id: ioas, automatic: `${ioas}.${world.position}` } as const;
      return world.mustAsk({ type: 'AttachDevice', device, target });
    }
    if (stream.guest === 'abort' || stream.guest === 'bypass') {
      this.attachTo(device, 'nested-domain', `${this.name}.${stream.guest}`);
    } else this.play(this.kernel.refresh(stream.vsid));
  }

  private attachTo(device: string, kind: 'nested-domain' | 's2-parent', id: string): void {
    this.world.mustAsk({ type: 'AttachDevice', device, target: { kind, id } });
  }

  private isBacked(ipa: number): boolean {
    return this.looseMapped || ipa < LOOSE.ipa;
  }

  private anyDomain(): GuestDomain {
    return this.domains[this.random(this.domains.length)]!;
  }

  private randomIova(): number {
    return IOVAS[this.random(IOVAS.length)]! + this.random(PAGES) * GUEST_PAGE;
  }

  private play(actions: Iterable<SimulatedAction>): void {
    for (const action of actions) this.act(action);
  }

  private playFor<T>(actions: Generator<SimulatedAction, T>): T {
    for (;;) {
      const { done, value } = actions.next();
      if (done === true) return value;
      this.act(value);
    }
  }

  private act(meant: SimulatedAction): void {
    const { world, name } = this;
    const action = this.features.defect === undefined ? meant : this.features.defect(meant);
    if (action === undefined) return;
    switch (action.kind) {
      case 'register': {
        const { name: register, value } = action;
        world.mustAsk({ type: 'WriteGuestRegister', vsmmu: name, register, value: toHex(value) });
        return;
      }
      case 'stores': {
        if (action.stores.length === 0) return;
        const words = BigUint64Array.from(action.stores.flatMap(([ipa, w]) => [BigInt(ipa), w]));
        const segments = [{ op: 'write', count: action.stores.length }] as const;
        world.mustAsk({ type: 'GuestActs', vm: this.vm, devices: [], segments, words });
        return;
      }
      case 'commands': {
        if (action.commands.length === 0) return;
        const words = BigUint64Array.from(action.commands.flatMap((command) => [...command]));
        world.mustAsk({ type: 'QueueGuestCommands', vsmmu: name, words });
      }
    }
  }
}

function ok(ipa: number, writable: boolean): DmaAccess['expect'] {
  return { kind: 'ok', ipa, readable: true, writable };
}
