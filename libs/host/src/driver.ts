import type { CommandWords, DeviceAccess, Outcome, PhysicalMemory, Smmu } from '@steward/smmu';
import {
  attachMaster,
  nestedTarget,
  type Attachment,
  type Master,
  type SteObserver,
} from './attachment';
import { convertGuestCommand } from './command-conversion';
import { handleEvent } from './event-handling';
import { eventStreamId } from './fault-events';
import type { CommandTap } from './command-tap';
import { atcsOf, deviceAccess } from './device-port';
import { syncIssue } from './issue';
import { NestParent } from './nest-parent';
import { Stage1Domain } from './stage1-domain';
import { PageAllocator, type MemoryRegion } from './page-allocator';
import { PageFaults, resume } from './page-faults';
import { attachPasid, detachPasid } from './pasid-attachment';
import { PhysicalSmmu } from './physical-smmu';
import type {
  AttachRequest,
  DeviceDescription,
  DomainMapping,
  InvalidationAnswer,
} from './requests';
import type { HostObserver } from './observer';
import type { InvalidationArray } from './invalidation-array';
import type { DomainResources, PagingDomain } from './paging-domain';
import { POLICY_RULES, type HostPolicy, type PolicyRules } from './policy';
import {
  stallsEnabled,
  usablePasidBits,
  type ForcedFeatures,
  type Probe,
  type SmmuDescription,
} from './probe';
import { smmuReports, type CommandOrigin } from './smmu-reports';
import { composeSte, type Stage2Configuration } from './ste-composition';
import { validateVste, type VsteWords } from './vste-rules';

/** Commands of a guest that one CMD_SYNC completes (Linux `CMDQ_BATCH_ENTRIES` - 1). */
export const GUEST_BATCH = 63;

/**
 * The host kernel's arm-smmu-v3 driver over its physical SMMUs (Linux drivers/iommu/arm/arm-smmu-v3).
 *
 * Its decisions (who may attach what, which errno a refusal has) are taken before, in the domain; a request that the
 * kernel would have refused throws here, because then the two disagree.
 */
export class HostDriver {
  private readonly allocator: PageAllocator;
  private rules: PolicyRules;
  private readonly smmus = new Map<string, PhysicalSmmu>();
  private readonly masters = new Map<string, Master>();
  private readonly mastersByStream = new Map<string, Master>();
  private readonly domains = new Map<string, PagingDomain>();
  /** The kernel's own DMA domains, by device. */
  private readonly dmaDomains = new Map<string, Stage1Domain>();
  private readonly origin: CommandOrigin = { now: 'driver' };

  constructor(
    private readonly options: {
      readonly memory: PhysicalMemory;
      /** Memory of the kernel's own: queues, stream tables, stage-2 tables. Part of `memory`. */
      readonly kernelRegion: MemoryRegion;
      readonly policy: HostPolicy;
      readonly observer: HostObserver;
      readonly tap?: CommandTap | undefined;
    },
  ) {
    this.allocator = new PageAllocator(options.memory, options.kernelRegion);
    this.rules = POLICY_RULES[options.policy];
  }

  /** Probes an SMMU and brings it up. @throws UnsupportedSmmu when the driver's probe fails. */
  addSmmu(description: SmmuDescription): void {
    const { id } = description;
    if (this.smmus.has(id)) throw new RangeError(`SMMU ${id} exists already`);
    const { memory, observer, tap } = this.options;
    const reports = smmuReports(id, observer, this.origin);
    const tapped = tap && { tap, smmu: id, origin: this.origin };
    this.smmus.set(id, new PhysicalSmmu(description, memory, this.allocator, reports, tapped));
  }

  /** Decides and invalidates by another policy from here on. STEs in force stay until the next attach. */
  changePolicy(policy: HostPolicy): void {
    this.rules = POLICY_RULES[policy];
    for (const domain of [...this.domains.values(), ...this.dmaDomains.values()]) {
      const users = [...this.masters.values()].filter((master) => master.domain === domain);
      domain.adopt(
        this.rules,
        users.map(({ streamIds, atsEnabled }) => ({ streamIds, ats: atsEnabled })),
      );
    }
  }

  /** Uses other features of an SMMU from here on. STEs in force stay until the next attach. */
  forceFeatures(smmu: string, features: ForcedFeatures): void {
    this.smmuOf(smmu).forceFeatures(features);
  }

  /** Gives each stream of a device an STE, and attaches the device to the kernel's own DMA domain if it has one. */
  addDevice(device: DeviceDescription): void {
    if (this.masters.has(device.id)) throw new RangeError(`device ${device.id} exists already`);
    const smmu = this.smmuOf(device.smmu);
    const streamIds = [...new Set(device.streamIds)];
    for (const streamId of streamIds) {
      const owner = this.mastersByStream.get(streamKey(device.smmu, streamId));
      if (owner !== undefined) throw new RangeError(`StreamID ${streamId} belongs to ${owner.id}`);
    }
    const master: Master = {
      id: device.id,
      smmu,
      streamIds,
      ats: device.ats,
      atcs: device.atc === true ? atcsOf(smmu.hardware, streamIds) : new Map(),
      pasidBits: usablePasidBits(device.pasidBits, smmu.probe),
      stallEnabled: stallsEnabled(device.stalls, smmu.probe),
      faults: new PageFaults(),
      nested: false,
      domain: undefined,
      atsEnabled: false,
      guest: undefined,
      cdTable: undefined,
      pasids: new Map(),
    };
    for (const streamId of streamIds) {
      smmu.streamTable.provide(streamId);
      this.mastersByStream.set(streamKey(device.smmu, streamId), master);
    }
    this.masters.set(device.id, master);
    if (device.dmaAsid === undefined) return;
    const dma = new Stage1Domain(`dma:${device.id}`, smmu, device.dmaAsid, this.resources());
    this.dmaDomains.set(device.id, dma);
    this.attach(device.id, { kind: 'dma' });
  }

  /** Makes a nest parent: an empty stage-2 table under a VMID. */
  allocateParent(parent: { id: string; smmu: string; vmid: number }): void {
    const { id, smmu, vmid } = parent;
    this.addDomain(id, () => new NestParent(id, this.smmuOf(smmu), vmid, this.resources()));
  }

  /** Makes a stage-1 domain of the kernel's own: an empty table under an ASID. */
  allocateStage1(domain: { id: string; smmu: string; asid: number }): void {
    const { id, smmu, asid } = domain;
    this.addDomain(id, () => new Stage1Domain(id, this.smmuOf(smmu), asid, this.resources()));
  }

  /** Frees a domain's tables. @throws RangeError while a device is attached to it. */
  freeDomain(id: string): void {
    this.domainOf(id).free();
    this.domains.delete(id);
  }

  /** Maps a range with the largest blocks its alignment allows. Nothing is invalidated: nothing was cached. */
  map(domain: string, mapping: DomainMapping): void {
    this.domainOf(domain).table.map(mapping);
  }

  /** Unmaps what one or more `map` calls mapped as a whole, and invalidates as the plan says. */
  unmap(domain: string, range: { readonly iova: number; readonly length: number }): void {
    this.domainOf(domain).table.unmap(range);
  }

  /** Attaches a device, replacing what it is attached to. */
  attach(device: string, to: AttachRequest): void {
    const master = this.masterOf(device);
    attachMaster(master, this.attachment(device, to), this.resources(), this.stesOf(master));
  }

  /** Attaches a PASID of a device to a stage-1 domain, replacing what it is attached to. */
  attachPasid(device: string, pasid: number, domain: string, faultQueue?: string): void {
    const master = this.masterOf(device);
    const attachment = { pasid, domain: this.stage1Of(domain), faultQueue };
    attachPasid(master, attachment, this.resources(), this.stesOf(master));
  }

  /** Detaches a PASID of a device. */
  detachPasid(device: string, pasid: number): void {
    const master = this.masterOf(device);
    detachPasid(master, pasid, this.resources(), this.stesOf(master));
  }

  /**
   * A function-level reset: the device and its PASIDs are blocked while it lasts and then put back, in the order of
   * `pci_dev_reset_iommu_prepare` and `…_done`. @param back what the device goes back to.
   */
  reset(device: string, back: AttachRequest): void {
    const { pasids, faults } = this.masterOf(device);
    const attached = [...pasids]
      .sort(([a], [b]) => a - b)
      .map(([pasid, { id }]) => ({ pasid, id, queue: faults.queueOf(pasid) }));
    this.attach(device, { kind: 'blocked' });
    for (const { pasid } of attached) this.detachPasid(device, pasid);
    if (back.kind !== 'blocked') this.attach(device, back);
    for (const { pasid, id, queue } of attached) this.attachPasid(device, pasid, id, queue);
  }

  /** Answers a page fault of a device, if it still waits: its transaction is translated anew, or aborts. */
  answerPageFault(device: string, group: number, how: 'retry' | 'abort'): void {
    const master = this.masterOf(device);
    if (!master.faults.answered(group)) return;
    master.smmu.issue([resume(master, group, how)]);
    this.handleEvents(master.smmu);
  }

  /**
   * Forwards a guest's invalidations through the vSMMU on a parent (IOMMU_HWPT_INVALIDATE, Linux
   * `arm_vsmmu_cache_invalidate`): converted one by one, issued in batches of 63 and a CMD_SYNC.
   *
   * A command that cannot be forwarded ends it. As in the kernel, commands before it in its own batch are then counted as
   * handled although they were never issued.
   */
  invalidate(
    parent: string,
    streamIdOf: (vsid: number) => number | undefined,
    commands: readonly CommandWords[],
  ): InvalidationAnswer {
    const { smmu, stage2 } = this.parentOf(parent);
    const context = { vmid: stage2.vmid, streamIdOf, probe: smmu.probe };
    let batch: CommandWords[] = [];
    for (const [handled, words] of commands.entries()) {
      const converted = convertGuestCommand(words, context);
      if (converted === undefined) return { handled, failed: true };
      batch.push(converted);
      if (handled + 1 < commands.length && batch.length < GUEST_BATCH) continue;
      this.issueForGuest(smmu, batch);
      batch = [];
    }
    return { handled: commands.length, failed: false };
  }

  /** One DMA of a device; faults it causes are then read from the event queue and forwarded, or answered where they stall. */
  access(device: string, streamIndex: number, transaction: DeviceAccess): Outcome {
    const master = this.masterOf(device);
    const streamId = master.streamIds[streamIndex];
    if (streamId === undefined) throw new RangeError(`${device} has no stream ${streamIndex}`);
    const { hardware } = master.smmu;
    const outcome = deviceAccess(master, streamId, transaction);
    this.handleEvents(master.smmu);
    if (outcome.kind !== 'stalled') return outcome;
    const waits = hardware.stalledTransactions().some(({ stag }) => stag === outcome.stag);
    return waits ? outcome : { kind: 'abort', event: outcome.event };
  }

  /** A device whose ATS is on translates an address ahead, into its ATC. */
  readAhead(device: string, address: bigint): void {
    const { smmu, atcs, atsEnabled } = this.masterOf(device);
    if (!atsEnabled) return;
    for (const port of atcs.values()) port.translate({ address, write: false });
    this.handleEvents(smmu);
  }

  /** The eight words of the STE of a device's first stream, as they stand in memory. */
  physicalSte(device: string): bigint[] {
    const master = this.masterOf(device);
    const [first] = master.streamIds;
    if (first === undefined) throw new RangeError(`${device} has no stream`);
    return [...master.smmu.streamTable.read(first)];
  }

  /** The SMMU a device is behind, and its StreamIDs there. */
  placeOf(device: string): { readonly smmu: string; readonly streamIds: readonly number[] } {
    const { smmu, streamIds } = this.masterOf(device);
    return { smmu: smmu.description.id, streamIds };
  }

  /** What a nest parent contributes to the STEs of its devices. */
  stage2Of(parent: string): Stage2Configuration {
    return this.parentOf(parent).stage2;
  }

  /** The eight words that a vSTE becomes on a parent, ATS off; the abort STE for one that is refused. */
  nestedSte(parent: string, vste: VsteWords): readonly bigint[] {
    const verdict = validateVste(vste, this.rules);
    if (!verdict.ok) return composeSte({ kind: 'abort' });
    const nestParent = this.parentOf(parent);
    const stalls = nestParent.stage2.stalls;
    const target = nestedTarget(nestParent, verdict.vste, {
      ats: false,
      rules: this.rules,
      stalls,
    });
    return composeSte(target, nestParent.smmu.probe.attrTypesOverride);
  }

  /** What the driver decided to use of an SMMU. */
  probeOf(smmu: string): Probe {
    return this.smmuOf(smmu).probe;
  }

  /** The hardware itself: its registers and what it has cached. */
  hardware(smmu: string): Smmu {
    return this.smmuOf(smmu).hardware;
  }

  /** What a change of a domain has to invalidate just now. */
  invalidationTargets(domain: string): InvalidationArray {
    return this.domainOf(domain).invalidations;
  }

  private issueForGuest(smmu: PhysicalSmmu, batch: readonly CommandWords[]): void {
    this.origin.now = 'guest';
    try {
      smmu.commands.issue([...batch, syncIssue(smmu.description.id).words]);
    } finally {
      this.origin.now = 'driver';
    }
  }

  private handleEvents(smmu: PhysicalSmmu): void {
    const { id } = smmu.description;
    for (const record of smmu.events.drain()) {
      const master = this.mastersByStream.get(streamKey(id, eventStreamId(record)));
      handleEvent({ smmu: id, record, master }, this.options.observer);
    }
  }

  private attachment(device: string, to: AttachRequest): Attachment {
    switch (to.kind) {
      case 'blocked':
        return to;
      case 'dma': {
        const domain = this.dmaDomains.get(device);
        return domain === undefined ? { kind: 'blocked' } : { kind: 'stage1', domain };
      }
      case 'stage1':
        return { ...to, domain: this.stage1Of(to.domain) };
      default:
        return { ...to, parent: this.parentOf(to.parent) };
    }
  }

  private stesOf({ smmu }: Master): SteObserver {
    const { id } = smmu.description;
    return (streamId, words) => this.options.observer.steAtSync?.({ smmu: id, streamId, words });
  }

  private addDomain(id: string, make: () => PagingDomain): void {
    if (this.domains.has(id)) throw new RangeError(`domain ${id} exists already`);
    this.domains.set(id, make());
  }

  private resources(): DomainResources {
    const { memory, observer } = this.options;
    return { memory, allocator: this.allocator, rules: this.rules, observer };
  }

  private smmuOf(id: string): PhysicalSmmu {
    return found(this.smmus, id, 'SMMU');
  }

  private masterOf(id: string): Master {
    return found(this.masters, id, 'device');
  }

  private domainOf(id: string): PagingDomain {
    return found(this.domains, id, 'domain');
  }

  private stage1Of(id: string): Stage1Domain {
    const domain = this.domainOf(id);
    if (!(domain instanceof Stage1Domain)) throw new RangeError(`${id} is no stage-1 domain`);
    return domain;
  }

  private parentOf(id: string): NestParent {
    const domain = this.domains.get(id);
    if (!(domain instanceof NestParent)) throw new RangeError(`there is no nest parent ${id}`);
    return domain;
  }
}

function found<T>(map: ReadonlyMap<string, T>, id: string, what: string): T {
  const value = map.get(id);
  if (value === undefined) throw new RangeError(`there is no ${what} ${id}`);
  return value;
}

function streamKey(smmu: string, streamId: number): string {
  return `${streamId}@${smmu}`;
}
