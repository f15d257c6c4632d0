import { CD, encodeCommand, STE } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { GuestPages, Stage1Table, type GuestMapping, type Store } from './stage1-table';

/** What a simulated guest does, in the order in which it does it. */
export type SimulatedAction =
  | { readonly kind: 'register'; readonly name: SimulatedRegister; readonly value: bigint }
  | { readonly kind: 'stores'; readonly stores: readonly Store[] }
  | { readonly kind: 'commands'; readonly commands: readonly CommandWords[] };

type SimulatedRegister = 'STRTAB_BASE' | 'STRTAB_BASE_CFG' | 'CMDQ_BASE' | 'EVENTQ_BASE' | 'CR0';

/** By which command a guest invalidates what it unmapped. All are right; they remove more or less. */
export type InvalidationStyle = 'va' | 'vaa' | 'range' | 'asid' | 'all';

const STREAMS_LOG2 = 6;
const QUEUE_LOG2 = 7;
const STE_BYTES = 64;
const STRTAB = 0x0;
const CMDQ = 0x1000;
const EVENTQ = 0x2000;
const CDS = 0x4000;
const TABLES = 0x1_0000;
const SYNC = encodeCommand('SYNC', { CS: 0n });
const CR0 = { SMMUEN: 1n, EVENTQEN: 1n << 2n, CMDQEN: 1n << 3n };

/** A guest's DMA domain: a stage-1 table under an ASID. */
export interface GuestDomain {
  readonly asid: bigint;
  readonly table: Stage1Table;
}

/**
 * The SMMU driver of a simulated guest's kernel, as careful as Linux's: a word is changed first, then
 * what may be cached of it is invalidated and a CMD_SYNC completes that, and only then is a page used
 * again. Defects are for those who play its actions to plant.
 */
export class GuestKernel {
  private readonly pages: GuestPages;
  private nextAsid = 1n;
  private readonly freeAsids: bigint[] = [];
  /** The domain of each StreamID whose STE translates. */
  readonly attached = new Map<number, GuestDomain>();

  /** @param base IPA of the RAM that the kernel keeps for itself, `size` bytes. */
  constructor(
    private readonly base: number,
    size: number,
    private readonly features: { readonly ats: boolean; readonly ril: boolean },
  ) {
    this.pages = new GuestPages(base + TABLES, base + size);
  }

  /** Linear stream table, queues, then SMMUEN; every stream aborts. */
  *boot(): Generator<SimulatedAction> {
    const at = (offset: number): bigint => BigInt(this.base + offset);
    const table = Array.from({ length: (2 ** STREAMS_LOG2 * STE_BYTES) / 8 }, () => 0n);
    // Memory may hold what an earlier kernel left there.
    yield { kind: 'stores', stores: storesAt(this.base + STRTAB, table) };
    yield { kind: 'register', name: 'STRTAB_BASE', value: at(STRTAB) };
    yield { kind: 'register', name: 'STRTAB_BASE_CFG', value: BigInt(STREAMS_LOG2) };
    yield { kind: 'register', name: 'CMDQ_BASE', value: at(CMDQ) | BigInt(QUEUE_LOG2) };
    yield { kind: 'register', name: 'EVENTQ_BASE', value: at(EVENTQ) | BigInt(QUEUE_LOG2) };
    yield { kind: 'register', name: 'CR0', value: CR0.CMDQEN };
    const all = encodeCommand('CFGI_STE_RANGE', { Range: 31n });
    yield { kind: 'commands', commands: [all, SYNC] };
    yield { kind: 'commands', commands: [encodeCommand('TLBI_NSNH_ALL'), SYNC] };
    yield { kind: 'register', name: 'CR0', value: CR0.CMDQEN | CR0.EVENTQEN | CR0.SMMUEN };
  }

  *createDomain(): Generator<SimulatedAction, GuestDomain> {
    const asid = this.freeAsids.pop() ?? this.nextAsid++;
    const table = new Stage1Table(this.pages);
    yield { kind: 'stores', stores: table.create() };
    return { asid, table };
  }

  /** Gives a domain back that no stream is attached to: its ASID is flushed, then its pages are free. */
  *freeDomain({ asid, table }: GuestDomain): Generator<SimulatedAction> {
    yield { kind: 'commands', commands: [encodeCommand('TLBI_NH_ASID', { ASID: asid }), SYNC] };
    for (const page of table.allPages()) this.pages.release(page);
    this.freeAsids.push(asid);
  }

  /** Stage 1 for a stream: the CD first, then the STE that names it. */
  *attach(sid: number, domain: GuestDomain): Generator<SimulatedAction> {
    const StreamID = BigInt(sid);
    const cd = this.base + CDS + sid * STE_BYTES;
    const words = CD.encode({
      ...{ V: 1n, AA64: 1n, T0SZ: 16n, TG0: 0n, IR0: 1n, OR0: 1n, SH0: 3n, EPD1: 1n, IPS: 5n },
      ...{ R: 1n, A: 1n, ASET: 1n, ASID: domain.asid, TTB0: BigInt(domain.table.root) },
      MAIR0: 0xffn,
    });
    const old = this.attached.get(sid);
    yield { kind: 'stores', stores: storesAt(cd, words) };
    const cfgiCd = encodeCommand('CFGI_CD', { StreamID, Leaf: 1n });
    yield { kind: 'commands', commands: [cfgiCd, SYNC] };
    this.attached.set(sid, domain);
    if (old === undefined) {
      const EATS = this.features.ats ? 1n : 0n;
      const s1 = { V: 1n, Config: 5n, S1ContextPtr: BigInt(cd), S1CIR: 1n, S1COR: 1n, S1CSH: 3n };
      yield* this.writeSte(sid, STE.encode({ ...s1, EATS }));
    } else if (this.features.ats) yield* this.invalidateAtc(sid);
  }

  /** A stream that aborts or bypasses. */
  *detach(sid: number, to: 'abort' | 'bypass'): Generator<SimulatedAction> {
    this.attached.delete(sid);
    yield* this.writeSte(sid, STE.encode({ V: 1n, Config: to === 'abort' ? 0n : 4n }));
  }

  /** CMD_CFGI_STE for an STE as it stands: the VMM attaches accordingly. */
  *refresh(sid: number): Generator<SimulatedAction> {
    const commands = [encodeCommand('CFGI_STE', { StreamID: BigInt(sid), Leaf: 1n }), SYNC];
    yield { kind: 'commands', commands };
  }

  *map(domain: GuestDomain, iova: number, mapping: GuestMapping): Generator<SimulatedAction> {
    yield { kind: 'stores', stores: domain.table.map(iova, mapping) };
  }

  /** Unmaps neighbouring mappings of one size, in ascending order, and what tables that leaves empty. */
  *unmap(
    domain: GuestDomain,
    iovas: readonly number[],
    style: InvalidationStyle,
  ): Generator<SimulatedAction> {
    const { table } = domain;
    const { level } = table.mappings.get(iovas[0]!)!;
    const stores = iovas.flatMap((iova) => table.unmap(iova));
    yield { kind: 'stores', stores };
    const commands = this.invalidations(domain.asid, iovas, { style, level });
    yield { kind: 'commands', commands: [...commands, SYNC] };
    yield* this.invalidateAtcs(domain);
    const gone: number[] = [];
    for (const iova of iovas) {
      const pruned = table.prune(iova);
      if (pruned.pages.length === 0) continue;
      gone.push(...pruned.pages);
      yield { kind: 'stores', stores: pruned.stores };
      const whole = { ASID: domain.asid, Address: BigInt(iova), Leaf: 0n };
      yield { kind: 'commands', commands: [encodeCommand('TLBI_NH_VA', whole), SYNC] };
    }
    for (const page of gone) this.pages.release(page);
  }

  private invalidations(
    asid: bigint,
    iovas: readonly number[],
    { style, level }: { readonly style: InvalidationStyle; readonly level: 2 | 3 },
  ): CommandWords[] {
    const each = (name: 'TLBI_NH_VA' | 'TLBI_NH_VAA'): CommandWords[] =>
      iovas.map((iova) => {
        const ASID = name === 'TLBI_NH_VA' ? { ASID: asid } : {};
        return encodeCommand(name, { ...ASID, Address: BigInt(iova), Leaf: 1n });
      });
    switch (style) {
      case 'va':
        return each('TLBI_NH_VA');
      case 'vaa':
        return each('TLBI_NH_VAA');
      case 'asid':
        return [encodeCommand('TLBI_NH_ASID', { ASID: asid })];
      case 'all':
        return [encodeCommand('TLBI_NH_ALL')];
      case 'range': {
        if (!this.features.ril || iovas.length > 32) return each('TLBI_NH_VA');
        const pages = iovas.length * (level === 2 ? 512 : 1);
        const scale = level === 2 ? 9n : 0n;
        const range = { TG: 1n, SCALE: scale, NUM: BigInt(pages / 2 ** Number(scale)) - 1n };
        // One page without a level would be the reserved encoding (IHI 0070 §4.4.1.1).
        const TTL = BigInt(level);
        const Address = BigInt(iovas[0]!);
        return [encodeCommand('TLBI_NH_VA', { ASID: asid, Address, Leaf: 1n, ...range, TTL })];
      }
    }
  }

  private *invalidateAtcs(domain: GuestDomain): Generator<SimulatedAction> {
    if (!this.features.ats) return;
    for (const [sid, of] of this.attached) if (of === domain) yield* this.invalidateAtc(sid);
  }

  private *invalidateAtc(sid: number): Generator<SimulatedAction> {
    const whole = { StreamID: BigInt(sid), Size: 52n };
    yield { kind: 'commands', commands: [encodeCommand('ATC_INV', whole), SYNC] };
  }

  private *writeSte(sid: number, words: readonly bigint[]): Generator<SimulatedAction> {
    yield { kind: 'stores', stores: storesAt(this.base + STRTAB + sid * STE_BYTES, words) };
    yield* this.refresh(sid);
  }
}

function storesAt(ipa: number, words: readonly bigint[]): Store[] {
  return words.map((word, i) => [ipa + 8 * i, word] as const);
}
