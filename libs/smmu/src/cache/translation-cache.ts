import type { Provenance } from '../provenance/provenance';
import { NONE } from './entry-arena';
import type { CacheShape } from './replacement';
import { STREAM_WORLD, type StreamWorld } from './stream-world';
import { Tlb, type LeafFilter } from './tlb';
import { TlbAddress } from './tlb-address';
import { LiveList, type SpaceOwner, type SpaceTags, type TlbSpace } from './tlb-space';

/** The spaces that one stage-1 context looks up and fills. */
export interface Stage1Spaces {
  /** Entries with nG=1, by ASID. */
  readonly own: TlbSpace;
  /** Entries with nG=0: any ASID of the same VMID, StreamWorld and ASET (IHI 0070 §3.17.1). */
  readonly global: TlbSpace;
}

/**
 * Addresses an invalidation names: a virtual address's half and low 52 bits, or an IPA with half 0.
 */
export interface Named {
  readonly half: 0 | 1;
  /** First byte. */
  readonly first: number;
  /** Last byte of a range; absent for one address. */
  readonly last?: number;
  readonly filter: LeafFilter;
}

/** The spaces of one regime with ASIDs: a VMID of NS-EL1, EL2 (which has one ASID) or EL2-E2H. */
export class Regime implements SpaceOwner {
  readonly asids = new Map<number, TlbSpace>();
  readonly globals: (TlbSpace | undefined)[] = [undefined, undefined];
  stage2: TlbSpace | undefined;
  /** Stage-1 spaces that hold entries. */
  readonly live = new LiveList<TlbSpace>();
  /** Place in the world's list of regimes that hold entries. */
  place = NONE;
  private liveSpaces = 0;

  /** @param world regimes of the StreamWorld that hold entries. */
  constructor(
    private readonly tlb: Tlb,
    private readonly world: LiveList<Regime>,
    private readonly tags: SpaceTags,
  ) {}

  stage1(asid: number, aset: number): Stage1Spaces {
    let own = this.asids.get(asid);
    if (own === undefined)
      this.asids.set(asid, (own = this.tlb.createSpace({ ...this.tags, asid }, this)));
    const global = (this.globals[aset] ??= this.tlb.createSpace(this.tags, this));
    return { own, global };
  }

  /** Entries of all kinds. */
  get count(): number {
    let count = this.stage2?.count ?? 0;
    this.live.forEach((space) => (count += space.count));
    return count;
  }

  stage2Space(): TlbSpace {
    return (this.stage2 ??= this.tlb.createSpace(this.tags, this));
  }

  filled(space: TlbSpace): void {
    if (space !== this.stage2) this.live.add(space);
    if (this.liveSpaces++ === 0) this.world.add(this);
  }

  emptied(space: TlbSpace): void {
    if (space !== this.stage2) this.live.delete(space);
    if (--this.liveSpaces === 0) this.world.delete(this);
  }

  removeStage1(): void {
    this.live.forEach((space) => this.tlb.removeAll(space));
  }

  removeAll(): void {
    this.removeStage1();
    if (this.stage2 !== undefined) this.tlb.removeAll(this.stage2);
  }
}

/**
 * The TLB with its tags: which space an entry belongs to, and which spaces an invalidation names.
 * Each method removes exactly what the command of the same name must remove (IHI 0070
 * §4.4.2–4.4.4), no more.
 */
export class TranslationCache {
  readonly tlb: Tlb;
  private readonly vmids = new Map<number, Regime>();
  /** Regimes of NS-EL1, and of both EL2 worlds, that hold entries. */
  private readonly liveNonHyp = new LiveList<Regime>();
  private readonly liveHyp = new LiveList<Regime>();
  private readonly el2: Regime;
  private readonly el2E2h: Regime;
  private readonly at = new TlbAddress();

  /** @param shape of a TLB that evicts; absent: it keeps everything. */
  constructor(shape?: CacheShape, provenance?: Provenance) {
    this.tlb = new Tlb(shape, provenance);
    this.el2 = new Regime(this.tlb, this.liveHyp, { world: STREAM_WORLD.EL2, vmid: 0 });
    this.el2E2h = new Regime(this.tlb, this.liveHyp, { world: STREAM_WORLD.EL2_E2H, vmid: 0 });
  }

  /** The spaces of a stage-1 context. EL2 has no ASIDs and no VMID (IHI 0070 §3.17). */
  stage1Spaces(
    world: StreamWorld,
    tags: { vmid: number; asid: number; aset: number },
  ): Stage1Spaces {
    if (world === STREAM_WORLD.EL2) {
      const { own } = this.el2.stage1(0, 0);
      return { own, global: own };
    }
    const regime = world === STREAM_WORLD.EL2_E2H ? this.el2E2h : this.regime(tags.vmid);
    return regime.stage1(tags.asid, tags.aset);
  }

  stage2Space(vmid: number): TlbSpace {
    return this.regime(vmid).stage2Space();
  }

  /** Entries of NS-EL1 under a VMID, or under one ASID of it. */
  countUnder(vmid: number, asid?: number): number {
    const regime = this.vmids.get(vmid);
    if (regime === undefined) return 0;
    return asid === undefined ? regime.count : (regime.asids.get(asid)?.count ?? 0);
  }

  /** CMD_TLBI_NH_ALL: all stage-1 entries of the VMID, combined and global ones included. */
  removeStage1(vmid: number): void {
    this.vmids.get(vmid)?.removeStage1();
  }

  /** CMD_TLBI_NH_ASID: non-global entries only. */
  removeAsid(vmid: number, asid: number): void {
    const space = this.vmids.get(vmid)?.asids.get(asid);
    if (space !== undefined) this.tlb.removeAll(space);
  }

  /** CMD_TLBI_NH_VA: the ASID's entries and global ones. */
  removeVa(vmid: number, asid: number, named: Named): void {
    const regime = this.vmids.get(vmid);
    if (regime !== undefined) this.removeVaOfAsid(regime, asid, named);
  }

  /** CMD_TLBI_NH_VAA: the entries of every ASID and global ones. */
  removeVaAllAsids(vmid: number, named: Named): void {
    this.vmids.get(vmid)?.live.forEach((space) => this.removeNamed(space, named));
  }

  /** CMD_TLBI_S12_VMALL: everything of the VMID, at both stages. */
  removeVmid(vmid: number): void {
    this.vmids.get(vmid)?.removeAll();
  }

  /**
   * CMD_TLBI_S2_IPA: stage-2 entries only; combined entries are indexed by VA and stay (IHI 0070
   * §4.4.3.1).
   */
  removeIpa(vmid: number, named: Named): void {
    const space = this.vmids.get(vmid)?.stage2;
    if (space !== undefined) this.removeNamed(space, named);
  }

  /** CMD_TLBI_NSNH_ALL: everything that is not EL2's. */
  removeNonHyp(): void {
    this.liveNonHyp.forEach((regime) => regime.removeAll());
  }

  /** CMD_TLBI_EL2_ALL: everything of EL2, with or without ASID. */
  removeEl2(): void {
    this.liveHyp.forEach((regime) => regime.removeAll());
  }

  /** CMD_TLBI_EL2_ASID: non-global EL2-E2H entries of the ASID. */
  removeEl2Asid(asid: number): void {
    const space = this.el2E2h.asids.get(asid);
    if (space !== undefined) this.tlb.removeAll(space);
  }

  /** CMD_TLBI_EL2_VA: with CR2.E2H the ASID's entries and global ones, without it EL2's entries. */
  removeEl2Va(asid: number, e2h: boolean, named: Named): void {
    if (e2h) this.removeVaOfAsid(this.el2E2h, asid, named);
    else this.removeVaOfAsid(this.el2, 0, named);
  }

  /** CMD_TLBI_EL2_VAA: every ASID. */
  removeEl2VaAllAsids(e2h: boolean, named: Named): void {
    const regime = e2h ? this.el2E2h : this.el2;
    regime.live.forEach((space) => this.removeNamed(space, named));
  }

  private regime(vmid: number): Regime {
    let regime = this.vmids.get(vmid);
    if (regime === undefined) {
      regime = new Regime(this.tlb, this.liveNonHyp, { world: STREAM_WORLD.NS_EL1, vmid });
      this.vmids.set(vmid, regime);
    }
    return regime;
  }

  private removeVaOfAsid(regime: Regime, asid: number, named: Named): void {
    const own = regime.asids.get(asid);
    if (own !== undefined) this.removeNamed(own, named);
    for (const space of regime.globals) if (space !== undefined) this.removeNamed(space, named);
  }

  private removeNamed(space: TlbSpace, named: Named): void {
    const { half, first, last, filter } = named;
    if (last === undefined) {
      this.at.set(half, first);
      this.tlb.removeAddress(space, this.at, filter);
    } else this.tlb.removeRange(space, { half, first, last }, filter);
  }
}
