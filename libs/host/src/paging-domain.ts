import type { PhysicalMemory } from '@steward/smmu';
import { invalidationPlan, tagFlushPlan } from './invalidation-plan';
import {
  isUsed,
  merge,
  purge,
  unref,
  type InvalidationArray,
  type InvalidationTarget,
} from './invalidation-array';
import { PageTable, type FlushRequest, type PageTableOwner } from './page-table';
import { GRANULE, type TableGeometry } from './stage2-geometry';
import type { HostObserver } from './observer';
import type { PageAllocator } from './page-allocator';
import type { PolicyRules } from './policy';
import type { PageProtection } from './page-descriptors';
import type { PhysicalSmmu } from './physical-smmu';

/** What a domain is made of, and by which rules it lives. */
export interface DomainResources {
  readonly memory: PhysicalMemory;
  readonly allocator: PageAllocator;
  readonly rules: PolicyRules;
  readonly observer: HostObserver;
}

/** A device on a domain. */
export interface DomainUser {
  readonly streamIds: readonly number[];
  /** Whether its ATC may hold translations. */
  readonly ats: boolean;
}

/**
 * A page table that the driver owns and the array of what its users may have cached (Linux `struct arm_smmu_domain`):
 * common ground of stage-1 domains and nest parents.
 */
export abstract class PagingDomain implements PageTableOwner {
  readonly table: PageTable;
  private rules: PolicyRules;
  private readonly observer: HostObserver;
  private targets: InvalidationArray = [];

  /** @throws RangeError when the SMMU has no 4K granule. */
  constructor(
    readonly id: string,
    readonly smmu: PhysicalSmmu,
    /** The VMID or ASID, first, and what else a change has to tell under it. */
    private readonly tags: readonly InvalidationTarget[],
    geometry: TableGeometry,
    resources: DomainResources,
  ) {
    if (!smmu.probe.pageSizes.includes(GRANULE)) {
      throw new RangeError(
        `${smmu.description.id} has no tables of 4K pages, the host's page size`,
      );
    }
    const { memory, allocator, rules } = resources;
    this.observer = resources.observer;
    this.table = new PageTable({ memory, allocator, geometry, owner: this });
    this.rules = rules;
    if (rules.tagHeldBy === 'domain') this.targets = merge([], tags);
  }

  /** What a change of the table has to invalidate just now. */
  get invalidations(): InvalidationArray {
    return this.targets;
  }

  /**
   * A device comes to the domain: from here on it is told of every change. Before hardware can use the domain for it.
   * @param ssid the PASID that uses it; 0 for traffic without one.
   */
  join(streamIds: readonly number[], ats: boolean, ssid = 0): void {
    this.targets = merge(this.targets, this.targetsOf(streamIds, ats, ssid));
  }

  /** A device has left, after hardware stopped using the domain for it; with the last one, what the tag may have cached goes. */
  leave(streamIds: readonly number[], ats: boolean, ssid = 0): void {
    this.release(this.targetsOf(streamIds, ats, ssid));
  }

  /**
   * Lives by other rules from here on: whom a change has to tell is worked out anew for the devices that are on it. A tag
   * that nobody holds any more is flushed, as nobody would later.
   */
  adopt(rules: PolicyRules, users: readonly DomainUser[]): void {
    this.rules = rules;
    const left = this.targets;
    this.targets = merge([], rules.tagHeldBy === 'domain' ? this.tags : []);
    for (const { streamIds, ats } of users) this.join(streamIds, ats);
    const [tag] = this.tags;
    if (tag === undefined || !isUsed(left, tag) || isUsed(this.targets, tag)) return;
    this.smmu.issue(tagFlushPlan(tag));
  }

  /** Gives the table back. @throws RangeError while a device uses the domain. */
  free(): void {
    const held = this.rules.tagHeldBy === 'domain' ? this.tags : [];
    if (purge(unref(this.targets, held)).length > 0) throw new RangeError(`${this.id} is in use`);
    this.release(held);
    this.table.free();
  }

  /** Descriptor bits of a mapping besides its address and size, by the stage's format. */
  abstract attributes(protection: PageProtection): bigint;

  /** What a change has to tell the ATC of one of the domain's streams. */
  protected abstract atcType(rules: PolicyRules): 'ATS' | 'ATS_FULL';

  /** Tells everybody who may have cached it of a change of the table. */
  flush(request: FlushRequest): void {
    const { rangeInvalidation } = this.smmu.probe;
    const features = { rangeInvalidation, longRange: this.rules.longRange };
    this.smmu.issue(invalidationPlan(this.targets, request, () => features));
  }

  /** What one device's use adds to the array (Linux `arm_smmu_master_build_invs`). */
  private targetsOf(
    streamIds: readonly number[],
    ats: boolean,
    ssid: number,
  ): InvalidationTarget[] {
    const smmu = this.smmu.description.id;
    const type = this.atcType(this.rules);
    return [
      ...(this.rules.tagHeldBy === 'domain' ? [] : this.tags),
      ...(ats ? streamIds : []).map((id) => ({ smmu, type, id, ssid })),
    ];
  }

  private release(targets: readonly InvalidationTarget[]): void {
    const left = unref(this.targets, targets);
    const [tag] = targets;
    if (tag !== undefined && !isUsed(left, tag)) {
      this.smmu.issue(tagFlushPlan(tag));
      const { smmu, type, id } = tag;
      this.observer.tagIdle?.({ smmu, kind: type === 'S1_ASID' ? 'asid' : 'vmid', id });
    }
    this.targets = purge(left);
  }
}
