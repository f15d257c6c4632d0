import { addressOf, fromHex, parseStream, unreachable } from '@steward/domain';
import type { DomainEvent } from '@steward/domain';
import { ForgottenCommands, HostDriver } from '@steward/host';
import type { AttachRequest, CommandTap, IdrWords } from '@steward/host';
import { PhysicalMemory } from '@steward/smmu';
import type { CommandWords, Smmu } from '@steward/smmu';
import type { CoherenceChecker } from './coherence/coherence-checker';
import { performDma } from './dma';
import { attachRequest, found, rangeOf, type EventNamed } from './event-arguments';
import { EffectRecorder } from './effect-recorder';
import type { MachineEffect } from './effects';
import { GuestMemory } from './guest-memory';
import { GuestQueues } from './guest-queues';
import { IoasMirror } from './ioas-mirror';
import { Vsmmus, type NamedDevice } from './vsmmus';

/** One host: its physical memory, driver and SMMUs, and what its guests keep in their RAM. */
export class HostMachine {
  private readonly vsmmuByDevice = new Map<string, string>();
  private readonly recorder: EffectRecorder;
  private readonly memory: PhysicalMemory;
  private readonly driver: HostDriver;
  private readonly guests = new Map<string, GuestMemory>();
  private readonly ioases = new Map<string, IoasMirror>();
  /** The IOAS that a domain's table mirrors. */
  private readonly ioasOf = new Map<string, string>();
  private readonly vsmmus = new Vsmmus();
  /** What each device was last attached to. */
  private readonly attached = new Map<string, AttachRequest>();
  /** Devices to which the kernel gives a DMA domain of its own. */
  private readonly dmaDevices = new Set<string>();

  /**
   * @param coherence watches the caches, if given.
   * @param tap what the driver's commands pass on their way, if given.
   */
  constructor(
    event: EventNamed<'HostRegistered'>,
    readonly coherence?: CoherenceChecker,
    tap?: CommandTap,
  ) {
    this.recorder = new EffectRecorder(this.vsmmuByDevice, coherence);
    const regions = event.memory.map((r) => ({ base: addressOf(r.base), size: addressOf(r.size) }));
    this.memory = new PhysicalMemory(regions);
    const kernel = event.memory.findIndex((r) => r.use === 'kernel');
    this.driver = new HostDriver({
      memory: this.memory,
      kernelRegion: found(regions[kernel], 'kernel region'),
      policy: event.policy,
      observer: this.recorder,
      tap: event.forgets === undefined ? tap : new ForgottenCommands(event.forgets, tap),
    });
    coherence?.follow(this.driver);
  }

  /**
   * Applies one event and returns what it made the machine do. `stream` names the aggregate, `at` the
   * commit and the event's place in it.
   */
  apply(
    stream: string,
    event: DomainEvent,
    at: { readonly position: number; readonly index: number },
  ): MachineEffect[] {
    this.coherence?.begin({ ...at, event: event.type });
    this.on(parseStream(stream).id, event);
    this.coherence?.end();
    return this.recorder.take();
  }

  /** The 64-bit word of a guest's RAM at `ipa`; undefined where there is none. */
  readGuest(vm: string, ipa: number): bigint | undefined {
    return this.guests.get(vm)?.read(ipa);
  }

  /** Registers and queues of a vSMMU as its guest sees them. */
  queuesOf(vsmmu: string): GuestQueues {
    return this.vsmmus.queuesOf(vsmmu);
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
    return this.driver.nestedSte(this.vsmmus.parentOf(vsmmu), vste);
  }

  /** A device with an ATC translates an address ahead, as it may at any time. Nothing is accessed. */
  readAhead(device: string, iova: bigint): void {
    this.driver.readAhead(device, iova);
  }

  /** Host address that backs a guest address. */
  backing(vm: string, ipa: number): number | undefined {
    return this.guests.get(vm)?.backing(ipa);
  }

  /** Physical memory, to look at and to listen to; whoever writes to it breaks the fold. */
  get physicalMemory(): PhysicalMemory {
    return this.memory;
  }

  /** The SMMU that a device is behind, its name, and the device's StreamIDs there. */
  placeOf(device: string): {
    readonly smmu: string;
    readonly hardware: Smmu;
    readonly streamIds: readonly number[];
  } {
    const { smmu, streamIds } = this.driver.placeOf(device);
    return { smmu, hardware: this.driver.hardware(smmu), streamIds };
  }

  /** A device as a guest names it; undefined while none does. */
  vdeviceOf(device: string): NamedDevice | undefined {
    return this.vsmmus.nameOf(device);
  }

  private on(id: string, event: DomainEvent): void {
    switch (event.type) {
      case 'SmmuAdded':
        return this.addSmmu(event);
      case 'SmmuFeaturesForced':
        return this.driver.forceFeatures(event.smmu, event.switches);
      case 'HostPolicyChanged':
        return this.driver.changePolicy(event.policy);
      case 'DeviceAdded': {
        const { device, smmu, streamIds, canwbs, ats, atc = false, stalls = false } = event;
        const { dmaAsid, pasidBits } = event;
        this.vsmmus.addDevice(device, streamIds);
        const dma = dmaAsid === undefined ? {} : { dmaAsid };
        if (dmaAsid !== undefined) this.dmaDevices.add(device);
        const pasids = pasidBits === undefined ? {} : { pasidBits };
        const master = { id: device, smmu, streamIds, canwbs, ats, atc, stalls, ...pasids, ...dma };
        return this.driver.addDevice(master);
      }
      case 'VmCreated':
        return this.createGuest(event);
      case 'IoasCreated':
        this.ioases.set(event.ioas, new IoasMirror(this.driver));
        return;
      case 'IoasMapped':
        return this.map(event);
      case 'IoasHugePagesSet':
        return this.ioas(event.ioas).setHugePages(event.enabled);
      case 'IoasUnmapped':
        return this.ioas(event.ioas).unmap(rangeOf(event));
      case 'NestParentAllocated':
        return this.allocateParent(event);
      case 'SoftwareMsiMapped':
        return this.mapDoorbell(event);
      case 'S1DomainAllocated': {
        const { domain, smmu, asid, ioas } = event;
        this.driver.allocateStage1({ id: domain, smmu, asid });
        return this.mirror(ioas, domain);
      }
      case 'S1DomainFreed':
        return this.freeDomain(event.domain);
      case 'NestParentFreed':
        return this.freeDomain(event.parent);
      case 'IoasFreed':
        this.ioases.delete(event.ioas);
        return;
      case 'VsmmuCreated': {
        const queues = new GuestQueues(this.guest(event.vm));
        return this.vsmmus.add(event.vsmmu, event.parent, queues);
      }
      case 'VdeviceAllocated':
        this.vsmmus.name(event.vsmmu, event.vsid, event.device);
        this.vsmmuByDevice.set(event.device, event.vsmmu);
        return;
      case 'VdeviceFreed':
        return this.vsmmus.unname(event.vsmmu, event.vsid);
      case 'VsmmuFreed':
        return this.vsmmus.free(event.vsmmu);
      case 'DeviceBound':
        return this.claim(event.device);
      case 'DeviceReset':
        return this.reset(event);
      case 'DeviceReleased':
        return this.driver.attach(event.device, { kind: 'dma' });
      case 'DeviceAttached':
        this.attached.set(event.device, attachRequest(event));
        return this.driver.attach(event.device, attachRequest(event));
      case 'DeviceDetached':
        return this.driver.attach(event.device, { kind: 'blocked' });
      case 'DevicePasidAttached':
        return this.driver.attachPasid(event.device, event.pasid, event.domain, event.faultQueue);
      case 'DevicePasidDetached':
        return this.driver.detachPasid(event.device, event.pasid);
      case 'PageFaultsAnswered':
        for (const { device, group, retry } of event.answers) {
          this.driver.answerPageFault(device, group, retry ? 'retry' : 'abort');
        }
        return;
      case 'GuestMemoryWritten':
        return this.store(event);
      case 'DmaPerformed':
        return this.recorder.add(
          performDma(this.driver, this.guest(event.vm), event, this.coherence),
        );
      case 'VsmmuRegisterWritten':
        return this.queuesOf(id).write(event.register, fromHex(event.value));
      case 'GuestCommandsQueued':
        this.coherence?.guestQueued(this.vsmmus.targetOf(id).vm);
        return this.queuesOf(id).queueCommands(event.words);
      case 'GuestInvalidationsForwarded':
        return this.forward(event);
      case 'GuestCommandsCompleted':
        return this.complete(id, event);
      case 'GuestEventRecorded':
        return this.recordGuestEvent(event);
      case 'HostRegistered':
      case 'HostClosed':
      case 'HostSmmuListed':
      case 'HostDeviceListed':
      case 'HostRamAssigned':
      case 'SmmuStreamIdsClaimed':
      case 'SmmuVmidAllocated':
      case 'HostAsidAllocated':
      case 'HostAsidReleased':
      case 'SmmuVmidReleased':
      case 'DeviceVirtualized':
      case 'DeviceDevirtualized':
      case 'IoasIovasAllowed':
      case 'IoasWindowReserved':
      case 'IoasWindowReleased':
      case 'IoasTableAdded':
      case 'IoasTableRemoved':
      case 'S1DomainJoined':
      case 'S1DomainLeft':
      case 'NestParentJoined':
      case 'NestParentLeft':
      case 'VsmmuJoined':
      case 'VsmmuLeft':
      case 'VeventqAllocated':
      case 'VeventQueued':
      case 'VeventLost':
      case 'VeventsRead':
      case 'VeventqClosed':
      case 'VeventqFreed':
      case 'PageFaultQueued':
      case 'PageFaultsRead':
      case 'PageFaultsDropped':
      case 'FaultQueueAllocated':
      case 'FaultQueueClosed':
      case 'FaultQueueFreed':
      case 'FaultQueueJoined':
      case 'FaultQueueLeft':
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

  private createGuest({ vm, ram }: EventNamed<'VmCreated'>): void {
    this.guests.set(vm, new GuestMemory(this.memory, ram));
    for (const { pa, size } of ram) {
      this.coherence?.assign({ base: addressOf(pa), size: addressOf(size), vm });
    }
  }

  private map(event: EventNamed<'IoasMapped'>): void {
    const { ioas, pa, read, write } = event;
    this.ioas(ioas).map({ ...rangeOf(event), pa: addressOf(pa), read, write });
  }

  private allocateParent(event: EventNamed<'NestParentAllocated'>): void {
    const { parent, ioas, smmu, vmid, vm } = event;
    this.driver.allocateParent({ id: parent, smmu, vmid });
    this.vsmmus.addParent(parent, { vm, smmu, vmid });
    this.mirror(ioas, parent);
  }

  private mirror(ioas: string, domain: string): void {
    this.ioasOf.set(domain, ioas);
    this.ioas(ioas).add(domain);
  }

  private freeDomain(domain: string): void {
    this.ioas(found(this.ioasOf.get(domain), domain)).remove(domain);
    this.ioasOf.delete(domain);
    this.driver.freeDomain(domain);
  }

  /** Leaves the kernel's DMA domain. A device without one, as in older logs, is blocked already. */
  private claim(device: string): void {
    if (this.dmaDevices.has(device)) this.driver.attach(device, { kind: 'blocked' });
  }

  private mapDoorbell({ parent, ipa, pa }: EventNamed<'SoftwareMsiMapped'>): void {
    const iova = addressOf(ipa);
    this.guest(this.vsmmus.vmOf(parent)).addDoorbell(iova, addressOf(pa));
    const page = { iova, length: 4096, pa: addressOf(pa) };
    this.driver.map(parent, { ...page, read: true, write: true, mmio: true });
  }

  private store({ vm, words }: EventNamed<'GuestMemoryWritten'>): void {
    const guest = this.guest(vm);
    for (let i = 0; i < words.length; i += 2) guest.write(Number(words[i]), words[i + 1] ?? 0n);
  }

  private forward({ vsmmu, words }: EventNamed<'GuestInvalidationsForwarded'>): void {
    const commands: CommandWords[] = [];
    for (let i = 0; i < words.length; i += 2) commands.push([words[i] ?? 0n, words[i + 1] ?? 0n]);
    const target = this.vsmmus.targetOf(vsmmu);
    this.coherence?.asked({ by: 'host driver', target, commands });
    const parent = this.vsmmus.parentOf(vsmmu);
    const answer = this.driver.invalidate(parent, target.streamIdOf, commands);
    if (answer.failed) throw new Error(`${vsmmu}: the driver refuses what was decided`);
  }

  /** The guest is told that its commands are done, so they have to be. */
  private complete(vsmmu: string, { cons, error }: EventNamed<'GuestCommandsCompleted'>): void {
    const queues = this.queuesOf(vsmmu);
    if (this.coherence?.anyOpen === true) {
      const commands = queues.commandsUpTo(cons);
      this.coherence.asked({ by: 'VMM', target: this.vsmmus.targetOf(vsmmu), commands });
    }
    queues.consume(cons, error);
  }

  private recordGuestEvent({ vsmmu, words }: EventNamed<'GuestEventRecorded'>): void {
    if (this.queuesOf(vsmmu).recordEvent(words)) return;
    this.recorder.add({ kind: 'guest-event-lost', payload: { vsmmu }, words });
  }

  private guest(vm: string): GuestMemory {
    return found(this.guests.get(vm), vm);
  }

  private reset({ device, restored }: EventNamed<'DeviceReset'>): void {
    const back = restored
      ? found(this.attached.get(device), device)
      : ({ kind: 'blocked' } as const);
    this.driver.reset(device, back);
  }

  private ioas(id: string): IoasMirror {
    return found(this.ioases.get(id), id);
  }
}
