import { addressOf, fromHex, parseStream, unreachable } from '@steward/domain';
import type { DomainEvent, Hex } from '@steward/domain';
import { HostDriver } from '@steward/host';
import type { AttachRequest, IdrWords } from '@steward/host';
import { PhysicalMemory } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { performDma } from './dma';
import { EffectRecorder } from './effect-recorder';
import type { MachineEffect } from './effects';
import { GuestMemory } from './guest-memory';
import { GuestQueues } from './guest-queues';

interface Area {
  readonly iova: number;
  readonly length: number;
  readonly pa: number;
  readonly read: boolean;
  readonly write: boolean;
}

interface Vsmmu {
  readonly parent: string;
  readonly queues: GuestQueues;
  readonly devices: Map<number, string>;
}

type EventNamed<T extends DomainEvent['type']> = Extract<DomainEvent, { type: T }>;

/** One host: its physical memory, driver and SMMUs, and what its guests keep in their RAM. */
export class HostMachine {
  private readonly recorder = new EffectRecorder((device) => this.vsmmuByDevice.get(device));
  private readonly memory: PhysicalMemory;
  private readonly driver: HostDriver;
  private readonly guests = new Map<string, GuestMemory>();
  private readonly areas = new Map<string, Area[]>();
  /** IOAS → the stage-2 parents that mirror it. */
  private readonly mirrors = new Map<string, string[]>();
  private readonly vmOfParent = new Map<string, string>();
  private readonly vsmmus = new Map<string, Vsmmu>();
  private readonly vsmmuByDevice = new Map<string, string>();
  private readonly streamIds = new Map<string, readonly number[]>();

  constructor(event: EventNamed<'HostRegistered'>) {
    const regions = event.memory.map((r) => ({ base: addressOf(r.base), size: addressOf(r.size) }));
    this.memory = new PhysicalMemory(regions);
    const kernel = event.memory.findIndex((r) => r.use === 'kernel');
    this.driver = new HostDriver({
      memory: this.memory,
      kernelRegion: found(regions[kernel], 'kernel region'),
      policy: event.policy,
      observer: this.recorder,
    });
  }

  /** Applies one event and returns what it made the machine do. `stream` names the aggregate. */
  apply(stream: string, event: DomainEvent): MachineEffect[] {
    this.on(parseStream(stream).id, event);
    return this.recorder.take();
  }

  /** The 64-bit word of a guest's RAM at `ipa`; undefined where there is none. */
  readGuest(vm: string, ipa: number): bigint | undefined {
    return this.guests.get(vm)?.read(ipa);
  }

  /** Registers and queues of a vSMMU as its guest sees them. */
  queuesOf(vsmmu: string): GuestQueues {
    return this.vsmmu(vsmmu).queues;
  }

  /** The 8 words of the STE of a device's first StreamID, as they stand in memory. */
  physicalSte(device: string): bigint[] {
    return this.driver.physicalSte(device);
  }

  /**
   * The 8 words that the driver composes for a vSTE of a vSMMU's guest (ATS off): what must be in force
   * while that vSTE is; the abort STE for one that it refuses.
   */
  composedSte(vsmmu: string, vste: readonly [bigint, bigint]): readonly bigint[] {
    return this.driver.nestedSte(this.vsmmu(vsmmu).parent, vste);
  }

  /** Host address that backs a guest address. */
  backing(vm: string, ipa: number): number | undefined {
    return this.guests.get(vm)?.backing(ipa);
  }

  private on(id: string, event: DomainEvent): void {
    switch (event.type) {
      case 'SmmuAdded':
        return this.addSmmu(event);
      case 'DeviceAdded': {
        const { device, smmu, streamIds, canwbs, ats } = event;
        this.streamIds.set(device, streamIds);
        return this.driver.addDevice({ id: device, smmu, streamIds, canwbs, ats });
      }
      case 'VmCreated':
        this.guests.set(event.vm, new GuestMemory(this.memory, event.ram));
        return;
      case 'IoasCreated':
        this.areas.set(event.ioas, []);
        return;
      case 'IoasMapped':
        return this.map(event);
      case 'IoasUnmapped':
        return this.unmap(event);
      case 'NestParentAllocated':
        return this.allocateParent(event);
      case 'SoftwareMsiMapped':
        return this.mapDoorbell(event);
      case 'VsmmuCreated': {
        const queues = new GuestQueues(this.guest(event.vm));
        this.vsmmus.set(event.vsmmu, { parent: event.parent, queues, devices: new Map() });
        return;
      }
      case 'VdeviceAllocated':
        this.vsmmu(event.vsmmu).devices.set(event.vsid, event.device);
        this.vsmmuByDevice.set(event.device, event.vsmmu);
        return;
      case 'DeviceAttached':
        return this.driver.attach(event.device, attachRequest(event));
      case 'DeviceDetached':
        return this.driver.attach(event.device, { kind: 'blocked' });
      case 'GuestMemoryWritten':
        return this.store(event);
      case 'DmaPerformed':
        return this.recorder.add(performDma(this.driver, this.guest(event.vm), event));
      case 'VsmmuRegisterWritten':
        return this.vsmmu(id).queues.write(event.register, fromHex(event.value));
      case 'GuestCommandsQueued':
        return this.vsmmu(id).queues.queueCommands(event.words);
      case 'GuestInvalidationsForwarded':
        return this.forward(event);
      case 'GuestCommandsCompleted':
        return this.vsmmu(id).queues.consume(event.cons, event.error);
      case 'GuestEventRecorded':
        return this.recordGuestEvent(event);
      case 'HostRegistered':
      case 'HostSmmuListed':
      case 'HostDeviceListed':
      case 'HostRamAssigned':
      case 'SmmuStreamIdsClaimed':
      case 'SmmuVmidAllocated':
      case 'DeviceBound':
      case 'DeviceVirtualized':
      case 'IoasWindowReserved':
      case 'NestedDomainAllocated':
      case 'NestedDomainFreed':
      case 'NestedDomainJoined':
      case 'NestedDomainLeft':
        return; // Bookkeeping of the aggregates: the hardware is not touched.
      default:
        return unreachable(event);
    }
  }

  private addSmmu({ smmu, idr, iidr, aidr, switches }: EventNamed<'SmmuAdded'>): void {
    this.driver.addSmmu({
      id: smmu,
      idr: idr.map(Number) as unknown as IdrWords,
      iidr: Number(iidr),
      aidr: Number(aidr),
      features: switches,
    });
  }

  private map({ ioas, iova, length, pa, read, write }: EventNamed<'IoasMapped'>): void {
    const area = {
      iova: addressOf(iova),
      length: addressOf(length),
      pa: addressOf(pa),
      read,
      write,
    };
    found(this.areas.get(ioas), ioas).push(area);
    for (const parent of this.mirrors.get(ioas) ?? []) {
      this.driver.map(parent, { ...area, mmio: false });
    }
  }

  /** Areas go one after the other in address order, each with its own invalidations (iopt_unmap_iova_range). */
  private unmap({ ioas, iova, length }: EventNamed<'IoasUnmapped'>): void {
    const [first, end] = [addressOf(iova), addressOf(iova) + addressOf(length)];
    const areas = found(this.areas.get(ioas), ioas);
    const gone = areas
      .filter((a) => a.iova >= first && a.iova + a.length <= end)
      .sort((a, b) => a.iova - b.iova);
    this.areas.set(
      ioas,
      areas.filter((a) => !gone.includes(a)),
    );
    for (const area of gone) {
      for (const parent of this.mirrors.get(ioas) ?? []) this.driver.unmap(parent, area);
    }
  }

  private allocateParent(event: EventNamed<'NestParentAllocated'>): void {
    const { parent, ioas, smmu, vmid, vm } = event;
    this.driver.allocateParent({ id: parent, smmu, vmid });
    this.vmOfParent.set(parent, vm);
    this.mirrors.set(ioas, [...(this.mirrors.get(ioas) ?? []), parent]);
    for (const area of this.areas.get(ioas) ?? []) {
      this.driver.map(parent, { ...area, mmio: false });
    }
  }

  private mapDoorbell({ parent, ipa, pa }: EventNamed<'SoftwareMsiMapped'>): void {
    const iova = addressOf(ipa);
    this.guest(found(this.vmOfParent.get(parent), parent)).addDoorbell(iova, addressOf(pa));
    const page = { iova, length: 4096, pa: addressOf(pa) };
    this.driver.map(parent, { ...page, read: true, write: true, mmio: true });
  }

  private store({ vm, words }: EventNamed<'GuestMemoryWritten'>): void {
    const guest = this.guest(vm);
    for (let i = 0; i < words.length; i += 2) guest.write(Number(words[i]), words[i + 1] ?? 0n);
  }

  private forward({ vsmmu, words }: EventNamed<'GuestInvalidationsForwarded'>): void {
    const { parent, devices } = this.vsmmu(vsmmu);
    const commands: CommandWords[] = [];
    for (let i = 0; i < words.length; i += 2) commands.push([words[i] ?? 0n, words[i + 1] ?? 0n]);
    const answer = this.driver.invalidate(
      parent,
      (vsid) => this.streamIds.get(devices.get(vsid) ?? '')?.[0],
      commands,
    );
    if (answer.failed) throw new Error(`${vsmmu}: the driver refuses what was decided`);
  }

  private recordGuestEvent({ vsmmu, words }: EventNamed<'GuestEventRecorded'>): void {
    if (this.vsmmu(vsmmu).queues.recordEvent(words)) return;
    this.recorder.add({ kind: 'guest-event-lost', payload: { vsmmu }, words });
  }

  private guest(vm: string): GuestMemory {
    return found(this.guests.get(vm), vm);
  }

  private vsmmu(id: string): Vsmmu {
    return found(this.vsmmus.get(id), id);
  }
}

function attachRequest(event: EventNamed<'DeviceAttached'>): AttachRequest {
  const { parent, vste, vsid } = event;
  if (vste === undefined) return { kind: 'parent', parent };
  const words = vste.map((w: Hex) => fromHex(w)) as [bigint, bigint];
  return { kind: 'nested', parent, vste: words, ...(vsid !== undefined && { vsid }) };
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the machine knows no ${what}: the log is incomplete`);
  return value;
}
