import {
  HostDriver,
  POLICY_RULES,
  composeCd,
  hardwareIdr,
  type AttachRequest,
  type ForcedFeatures,
  type HostPolicy,
  type SmmuDescription,
  type VsteWords,
} from '@steward/host';
import {
  PhysicalMemory,
  S1_LEAF_DESCRIPTOR,
  STE,
  Smmu,
  TABLE_DESCRIPTOR,
  hex64,
} from '@steward/smmu';

const KERNEL = { base: 0x1_0000_0000, size: 0x200_0000 };
const GUEST = { base: 0x2_0000_0000, size: 0x1800_000 };
/** Places in guest memory that an area can be mapped to, each with tables and data of its own. */
const PLACES = 3;
const PLACE_BYTES = 0x80_0000;
const IDR = [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74] as const;
const PAGE = 0x1000;

/** What a parent or stage-1 domain maps as a whole: the guest's tables, a page, and a block with pages behind it. */
export const AREAS = [
  { iova: 0x4000_0000, length: 5 * PAGE, offset: 0 },
  { iova: 0x4001_0000, length: PAGE, offset: 0x1_0000 },
  { iova: 0x8020_0000, length: 0x20_3000, offset: 0x20_0000 },
] as const;
const [TABLES, , DATA] = AREAS;
/**
 * Where a guest keeps its CDs. It stays mapped as it is: stage-2 invalidations do not reach configuration caches (IHI 0070
 * §4.4), and Linux sends no CFGI_CD when stage 2 moves a guest's CD, so that one may go on being used.
 */
const CDS = { iova: 0x4002_0000, length: PAGE, pa: GUEST.base + 0x2_0000 };
const TABLE_LEVELS = [0, 1, 2] as const;

/** Addresses that reach each entry of stage 1, and each area where there is no stage 1. */
const PROBES = [0x1000, 0x2000, 0x20_3000, 0x4000_0000, 0x4001_0000, 0x8020_5000, 0x8040_1000];

/** PASIDs that the devices send; `s1` is what they can be attached to. */
export const PASIDS = [1, 2] as const;
const PASID_BITS = 4;

/** Reads and writes without a PASID, and one of either with each PASID. */
const SENT = [
  [{}, false],
  [{}, true],
  [{ substreamId: PASIDS[0] }, false],
  [{ substreamId: PASIDS[1] }, true],
] as const;

/** vSTEs: bypass, abort, and two CDs of different ASIDs over the same tables, one of them with ATS where it may be. */
export const VSTES: readonly VsteWords[] = [
  [0x9n, 0n],
  [0x1n, 0n],
  [BigInt(CDS.iova) | 0xbn, 0xd6n],
  [BigInt(CDS.iova + 64) | 0xbn, 0x1000_00d6n],
];
export const DEVICES = ['plain', 'ats0', 'ats1'] as const;
export const DOMAINS = ['p0', 'p1', 's1'] as const;

/** One host with two nest parents, a stage-1 domain and devices that never stop reading and writing. */
export class CoherentHost {
  readonly driver: HostDriver;
  readonly memory = new PhysicalMemory([KERNEL, GUEST]);
  private readonly description: SmmuDescription;
  private readonly mapped = new Set<string>();
  private readonly on = new Map<string, string>();

  constructor(
    private readonly policy: HostPolicy,
    features: ForcedFeatures,
  ) {
    this.driver = new HostDriver({
      memory: this.memory,
      kernelRegion: KERNEL,
      policy,
      observer: {},
    });
    this.description = { id: 'smmu', idr: IDR, iidr: 0, aidr: 1, features };
    this.driver.addSmmu(this.description);
    for (const [i, id] of DEVICES.entries()) {
      const ats = id !== 'plain';
      const streamIds = ats ? [16 * i, 16 * i + 1] : [16 * i];
      const own = { canwbs: true, ats, pasidBits: PASID_BITS, dmaAsid: 1 + i };
      this.driver.addDevice({ id, smmu: 'smmu', streamIds, ...own });
      this.on.set(id, 'dma');
    }
    for (const domain of DOMAINS) this.allocate(domain);
    const cds = [5, 6].flatMap((asid, i) =>
      composeCd({ asid, ttb: TABLES.iova + 4 * i * PAGE, ips: 4, stalls: false }),
    );
    cds.forEach((word, i) => this.memory.write64(CDS.pa + 8 * i, word));
    for (let place = 0; place < PLACES; place++) this.fill(place);
  }

  /** Maps an area somewhere else than before, or unmaps it. */
  toggle(domain: string, area: number, place: number): void {
    const { iova, length, offset } = AREAS[area]!;
    const key = `${domain} ${area}`;
    if (this.mapped.delete(key)) this.driver.unmap(domain, { iova, length });
    else {
      const pa = GUEST.base + place * PLACE_BYTES + offset;
      this.driver.map(domain, { iova, length, pa, read: true, write: place !== 1, mmio: false });
      this.mapped.add(key);
    }
  }

  /** Attaches a device as the domain would let it: with PASIDs attached, not to a stage 2. */
  attach(device: string, to: AttachRequest): void {
    if ('parent' in to && this.hasPasids(device)) return;
    if (to.kind === 'nested' && POLICY_RULES[this.policy].vsteEatsMax === 0n) {
      const [word0 = 0n, word1 = 0n] = STE.encode({ EATS: 0n }, to.vste);
      this.driver.attach(device, { ...to, vste: [word0, word1] });
    } else this.driver.attach(device, to);
    const domain = 'parent' in to ? to.parent : 'domain' in to ? to.domain : to.kind;
    this.on.set(device, domain);
  }

  /** Attaches a PASID, replaces it by itself, or detaches it, where the STE has or may have a CD table. */
  togglePasid(device: string, pasid: number, attached: boolean): void {
    const key = `${device} ${pasid}`;
    if (attached) {
      if (this.on.get(device)?.startsWith('p') === true) return;
      this.driver.attachPasid(device, pasid, 's1');
      this.on.set(key, 's1');
    } else if (this.on.delete(key)) this.driver.detachPasid(device, pasid);
  }

  private hasPasids(device: string): boolean {
    return PASIDS.some((pasid) => this.on.has(`${device} ${pasid}`));
  }

  /** Frees a domain that nobody uses and makes one with the same VMID or ASID in its place. */
  recreate(domain: string): void {
    if ([...this.on.values()].includes(domain)) return;
    this.driver.freeDomain(domain);
    for (const [area] of AREAS.entries()) this.mapped.delete(`${domain} ${area}`);
    this.allocate(domain);
  }

  /**
   * Every access whose outcome on the SMMU, caches and all, is not that of a fresh walk over the same memory. Making the
   * accesses fills the caches with everything that they can hold.
   */
  disagreements(): string[] {
    const fresh = this.withoutCaches();
    const found: string[] = [];
    for (const [i, device] of DEVICES.entries()) {
      for (const address of PROBES) {
        for (const [substream, write] of SENT) {
          const access = { address: BigInt(address), write, ...substream };
          const cached = this.driver.access(device, 0, access);
          const walked = fresh.access({ ...access, streamId: 16 * i });
          if (text(cached) === text(walked)) continue;
          const how = `${write ? 'writes' : 'reads'} ${JSON.stringify(substream)}`;
          const what = `${device} ${how} 0x${address.toString(16)}`;
          found.push(`${what}: ${text(cached)}, by the tables ${text(walked)}`);
        }
      }
    }
    return found;
  }

  /** An SMMU that has cached nothing, over the same stream table. */
  private withoutCaches(): Smmu {
    const { iidr, aidr } = this.description;
    const smmu = new Smmu({ idr: hardwareIdr(this.description), iidr, aidr }, this.memory);
    const live = this.driver.hardware('smmu');
    for (const register of ['CR1', 'CR2', 'STRTAB_BASE', 'STRTAB_BASE_CFG'] as const) {
      smmu.writeRegister(register, live.readRegister(register));
    }
    smmu.writeRegister('CR0', 1n); // SMMUEN alone: its events go nowhere.
    return smmu;
  }

  private allocate(id: string): void {
    if (id === 's1') this.driver.allocateStage1({ id, smmu: 'smmu', asid: 9 });
    else this.driver.allocateParent({ id, smmu: 'smmu', vmid: id === 'p0' ? 1 : 2 });
    this.driver.map(id, { ...CDS, read: true, write: true, mmio: false });
  }

  /** A stage-1 table with two roots, whose data page lies elsewhere in each place. */
  private fill(place: number): void {
    const base = GUEST.base + place * PLACE_BYTES + TABLES.offset;
    const write = (offset: number, words: readonly bigint[]): void =>
      words.forEach((word, i) => this.memory.write64(base + offset + 8 * i, word));
    const ipaOf = (page: number): number => TABLES.iova + page * PAGE;
    const table = (page: number): bigint[] =>
      TABLE_DESCRIPTOR.encode({ Valid: 1n, Type: 1n, NextLevelTable: BigInt(ipaOf(page)) });
    const leaf = (ipa: number, Type: bigint): bigint[] =>
      S1_LEAF_DESCRIPTOR.encode({
        ...{ Valid: 1n, AP: 1n, SH: 3n, AF: 1n, nG: 1n },
        ...{ Type, OutputAddress: BigInt(ipa) },
      });

    for (const level of TABLE_LEVELS) write(level * PAGE, table(1 + level));
    write(4 * PAGE, table(1));
    write(2 * PAGE + 8, leaf(DATA.iova, 0n));
    write(3 * PAGE + 8, leaf(AREAS[1].iova, 1n));
    write(3 * PAGE + 16, leaf(DATA.iova + 0x20_0000 + place * PAGE, 1n));
  }
}

function text(outcome: ReturnType<Smmu['access']>): string {
  return JSON.stringify(outcome, (_, value: unknown) =>
    typeof value === 'bigint' ? hex64(value) : value,
  );
}
