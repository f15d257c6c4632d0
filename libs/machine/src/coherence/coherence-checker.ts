import type { IdleTag } from '@steward/host';
import { COMMANDS, opcodeOf, type CommandWords, type StalenessWatcher } from '@steward/smmu';
import {
  NO_TOTALS,
  type Culprit,
  type Finding,
  type Moment,
  type Owner,
  type StaleEntry,
  type StaleTotals,
  type StaleWindow,
} from './findings';
import type { GuestTarget } from './guest-requests';
import { RamOwners, type OwnedRange } from './ram-owners';
import { StaleWindows, type OpenWindow, type WindowContext } from './stale-windows';

/** The access that is under way. */
interface Access {
  readonly device: string;
  readonly iova: bigint;
  readonly write: boolean;
}

/** Where an SMMU's caches can be asked what they hold. */
interface Hardware {
  hardware(smmu: string): { cachedUnder(vmid: number, asid?: number): number };
}

/** Invalidations of a guest, and who has to see to them. */
interface GuestRequest {
  readonly by: Culprit;
  readonly target: GuestTarget;
  readonly commands: readonly CommandWords[];
}

const PREFETCHES: readonly number[] = [
  COMMANDS.PREFETCH_CONFIG.opcode,
  COMMANDS.PREFETCH_ADDR.opcode,
];
const NEVER: Moment = { position: 0, index: 0, event: 'HostRegistered' };

/**
 * Watches the caches of one host's SMMUs. Whatever a host driver changes, it must have invalidated,
 * and seen completed by a CMD_SYNC, by the end of the event that made it do so: nothing else runs in
 * between. What guests change in their own tables is theirs to invalidate, when they like; until then
 * their window is open, and an access that meets it is a stale use.
 */
export class CoherenceChecker implements WindowContext {
  now: Moment = NEVER;
  private driver: Hardware | undefined;
  private readonly smmus = new Map<string, StaleWindows>();
  private readonly ram = new RamOwners();
  /** Windows opened by the event at hand in words of the host's. */
  private unsettled: OpenWindow[] = [];
  /** Windows that outlived their event: a guest's, a latent one, or a host driver's violation. */
  private readonly lasting = new Set<OpenWindow>();
  /** The last invalidation of each SMMU that no CMD_SYNC has followed. */
  private readonly unsynced = new Map<string, CommandWords>();
  private findings: Finding[] = [];
  /** Windows that the event at hand closed. */
  private closing: OpenWindow[] = [];
  private access: Access | undefined;
  private accesses = 0;
  private lastUse = -1;
  private readonly counts = { ...NO_TOTALS };
  private idle: IdleTag[] = [];
  private request: GuestRequest | undefined;
  /** Position at which each VM last queued commands. */
  private readonly queued = new Map<string, number>();

  /** Names the driver whose SMMUs these are. */
  follow(driver: Hardware): void {
    this.driver = driver;
  }

  /** The watcher of an SMMU's caches. */
  watch(smmu: string): StalenessWatcher {
    const windows = new StaleWindows(smmu, this);
    this.smmus.set(smmu, windows);
    return windows;
  }

  /** From here on these physical addresses are a guest's; of ranges that overlap, the last one counts. */
  assign(range: OwnedRange): void {
    this.ram.assign(range);
  }

  /** An event is about to be applied. */
  begin(moment: Moment): void {
    this.now = moment;
  }

  /** The event was applied: what the driver owed by now, it owes. */
  end(): void {
    for (const tag of this.idle) this.checkTag(tag);
    this.idle = [];
    for (const window of this.unsettled) if (window.remaining > 0) this.outlived(window);
    this.unsettled = [];
    for (const [smmu, command] of this.unsynced) {
      this.counts.notSynced++;
      const by = 'host driver';
      this.violated({ rule: 'not-synced', by, smmu, at: this.now, command });
    }
    this.unsynced.clear();
    this.checkRequest();
    this.access = undefined;
    for (const window of this.closing)
      this.findings.push({ kind: 'window', window: window.report() });
    this.closing = [];
  }

  private checkTag(tag: IdleTag): void {
    const { smmu, kind, id } = tag;
    const hardware = this.driver?.hardware(smmu);
    // The kernel's own ASIDs are under VMID 0.
    const entries = kind === 'vmid' ? hardware?.cachedUnder(id) : hardware?.cachedUnder(0, id);
    if (entries === undefined || entries === 0) return;
    this.counts.tagsNotFlushed++;
    const by = 'host driver';
    this.violated({ rule: 'tag-not-flushed', by, smmu, at: this.now, tag: { ...tag, entries } });
  }

  /** Whatever the guest asked for must be done by the end of the event. */
  private checkRequest(): void {
    const { request } = this;
    this.request = undefined;
    if (request === undefined) return;
    const { by, target, commands } = request;
    const queued = this.queued.get(target.vm) ?? this.now.position;
    const { smmu } = target;
    for (const { window, entry, command } of this.smmus
      .get(smmu)
      ?.unheeded(target, commands, queued) ?? []) {
      this.counts.notCarriedOut++;
      const left = { entries: [entry], count: 1 };
      const what = { window: window.report(), left, command };
      this.violated({ rule: 'not-carried-out', by, smmu, at: this.now, ...what });
    }
  }

  private outlived(window: OpenWindow): void {
    this.lasting.add(window);
    if (window.latent) {
      this.counts.latentWindows++;
      return;
    }
    this.counts.hostWindows++;
    const { smmu } = window;
    const by = 'host driver';
    const entries = this.smmus.get(smmu)?.left(window) ?? [];
    const what = { window: window.report(), left: { entries, count: window.remaining } };
    this.violated({ rule: 'not-invalidated', by, smmu, at: this.now, ...what });
  }

  /** Nobody uses a tag any more. */
  tagIdle(tag: IdleTag): void {
    this.idle.push(tag);
  }

  /** The guest of a VM puts commands on its queue. */
  guestQueued(vm: string): void {
    this.queued.set(vm, this.now.position);
  }

  /** Whether some entry may be stale: if not, nobody can be held to what a guest asked for. */
  get anyOpen(): boolean {
    return this.lasting.size > 0;
  }

  /** The event carries out what a guest asked for, or tells the guest that it is done. */
  asked(request: GuestRequest): void {
    this.request = request;
  }

  /** A device is about to access memory. */
  accessing(access: Access): void {
    this.access = access;
    this.accesses++;
  }

  /** An SMMU consumed a command. */
  consumed(smmu: string, words: CommandWords): void {
    this.smmus.get(smmu)?.consumed(words);
    const opcode = opcodeOf(words);
    if (opcode === COMMANDS.SYNC.opcode) this.unsynced.delete(smmu);
    else if (!PREFETCHES.includes(opcode)) this.unsynced.set(smmu, words);
  }

  /** What there is to say since the last call. */
  take(): Finding[] {
    const { findings } = this;
    this.findings = [];
    return findings;
  }

  /** The windows that are open now. */
  open(): StaleWindow[] {
    return [...this.lasting].map((window) => window.report());
  }

  totals(): StaleTotals {
    return { ...this.counts };
  }

  ownerOf(pa: number): Owner {
    const vm = this.ram.ownerOf(pa);
    return vm === undefined ? { kind: 'host' } : { kind: 'guest', vm };
  }

  opened(window: OpenWindow): void {
    if (window.owner.kind === 'host') this.unsettled.push(window);
    else {
      this.lasting.add(window);
      this.counts.guestWindows++;
      this.counts.guestWindowsOpen++;
    }
  }

  reopened(window: OpenWindow): void {
    if (!this.closing.includes(window)) return;
    this.closing = this.closing.filter((one) => one !== window);
    this.lasting.add(window);
    if (window.owner.kind === 'guest') this.counts.guestWindowsOpen++;
  }

  closed(window: OpenWindow): void {
    if (!this.lasting.delete(window)) return;
    if (window.owner.kind === 'guest') this.counts.guestWindowsOpen--;
    this.closing.push(window);
  }

  used(window: OpenWindow, entry: StaleEntry): void {
    const { access } = this;
    // A window of the event's own, in the midst of the driver's work, or of CDs that no one moves.
    if (access === undefined || window.latent) return;
    if (this.lastUse !== this.accesses) {
      this.lastUse = this.accesses;
      this.counts.uses++;
    }
    if (window.lastUse === this.accesses) return;
    window.lastUse = this.accesses;
    window.uses++;
    const { smmu, owner, opened } = window;
    const use = { at: this.now, smmu, owner, opened, entry, ...access };
    this.findings.push({ kind: 'use', use });
  }

  private violated(violation: Extract<Finding, { kind: 'violation' }>['violation']): void {
    this.findings.push({ kind: 'violation', violation });
  }
}
