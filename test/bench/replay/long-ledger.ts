import {
  decide,
  DECIDERS,
  eventOf,
  parseStream,
  streamOf,
  toHex,
  toStored,
  toStoredEvent,
  encodeDma,
} from '@steward/domain';
import type {
  AggregateKind,
  Command,
  Context,
  Decider,
  ForgettableCommand,
  StateOf,
} from '@steward/domain';
import { deviceOf, plugIn, setUp, vsmmuOf, type GuestPlan } from '@steward/control';
import type { CommitDraft, JsonObject, Ledger } from '@steward/ledger';
import { proxyDomain } from '@steward/vmm';
import { seeded } from '../../seeded';

const HOST = 'host0';
const GUESTS = 8;
const IDR = [0x0d44101bn, 0x02730010n, 0x0n, 0x1414n, 0x0n, 0x74n] as const;
const RAM_BYTES = 0x100_0000;
const RAM_IPA = 0x4000_0000;
const RAM_PA = 0x1_0000_0000;
const PAGES = RAM_BYTES / 4096;
const VSID = 0x10;
const ACCESSES = 8;
/** Appends under way at once. */
const WINDOW = 2048;

/**
 * A host with eight guests that store, do DMA, are detached and attached, and lose their RAM and get it back, for as
 * many events as wanted. Every command is decided as any other; only the appends do not wait for each other.
 */
export class LongLedger implements Context {
  events = 0;
  private readonly states = new Map<string, StateOf<AggregateKind>>();
  private readonly random = seeded(1);
  private readonly plans = Array.from({ length: GUESTS }, (_, n) => planOf(n));
  private appends: Promise<unknown>[] = [];
  private n = 0;

  private constructor(
    private readonly ledger: Ledger,
    private readonly forgets: readonly ForgettableCommand[],
  ) {}

  /**
   * Fills an empty ledger with at least so many events.
   * @param options.forgets commands that the host's driver never issues.
   */
  static async fill(
    ledger: Ledger,
    events: number,
    options: { readonly forgets?: readonly ForgettableCommand[] } = {},
  ): Promise<void> {
    const long = new LongLedger(ledger, options.forgets ?? []);
    await long.boot();
    while (long.events < events) await long.round();
    await Promise.all(long.appends);
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(streamOf(kind, id)) as StateOf<K> | undefined;
  }

  private async boot(): Promise<void> {
    const size = toHex(GUESTS * RAM_BYTES);
    const memory = [
      { use: 'msi-doorbell', base: '0x8090000', size: '0x1000' },
      { use: 'kernel', base: '0x40000000', size: '0x40000000' },
      { use: 'guest-ram', base: toHex(RAM_PA), size },
    ] as const;
    const ids = { idr: IDR.map(toHex), iidr: '0x0', aidr: '0x1', switches: {} } as const;
    const { forgets } = this;
    await this.issue({ type: 'RegisterHost', host: HOST, policy: 'mainline', memory, forgets });
    await this.issue({ type: 'AddSmmu', smmu: 'smmu0', host: HOST, ...ids });
    for (const plan of this.plans) {
      for (const command of [...plugIn(plan), ...setUp(plan)]) await this.issue(command);
    }
  }

  private async round(): Promise<void> {
    const { name } = this.plans[this.random(GUESTS)] ?? planOf(0);
    const device = deviceOf(name, VSID);
    const chance = this.random(50);
    if (chance === 0) {
      const range = { ioas: `${name}.ioas`, iova: toHex(RAM_IPA), length: toHex(RAM_BYTES) };
      const pa = toHex(ramOf(Number(name.slice(1))));
      await this.issue({ type: 'UnmapIova', ...range });
      await this.issue({ type: 'MapIova', ...range, pa, read: true, write: true });
    } else if (chance < 5) {
      const target = { kind: 'nested-domain', id: proxyDomain(vsmmuOf(name), 'bypass') } as const;
      await this.issue({ type: 'DetachDevice', device });
      await this.issue({ type: 'AttachDevice', device, target });
    } else await this.issue(this.activity(name, device));
  }

  /** Four stores on one page, then DMA all over the guest's RAM. */
  private activity(vm: string, device: string): Command {
    const page = RAM_IPA + this.random(PAGES) * 4096;
    const stores = Array.from({ length: 4 }, (_, i) => [BigInt(page + 8 * i), BigInt(this.n)]);
    const dma = Array.from({ length: ACCESSES }, () => {
      const ipa = RAM_IPA + this.random(PAGES) * 4096;
      const expect = { kind: 'ok', ipa, readable: true, writable: true } as const;
      return { device: 0, stream: 0, write: this.random(2) === 0, iova: BigInt(ipa), expect };
    });
    const words = BigUint64Array.from([...stores.flat(), ...encodeDma(dma)]);
    const segments = [
      { op: 'write', count: stores.length },
      { op: 'dma', count: dma.length },
    ] as const;
    return { type: 'GuestActs', vm, devices: [device], segments, words };
  }

  private async issue(command: Command): Promise<void> {
    const decision = decide(command, this);
    if (!decision.ok) throw new Error(`${command.type}: ${decision.errno}, ${decision.reason}`);
    const { type, payload, words } = toStored(command);
    const n = ++this.n;
    const events = decision.events.map(({ stream, event }) => {
      const stored = toStoredEvent(event as never);
      return { stream, ...stored, payload: stored.payload as JsonObject };
    });
    const draft: CommitDraft = {
      ...{ host: HOST, actor: 'bench', commandId: `c${n}`, reads: [], outcome: { ok: true } },
      at: new Date(Date.UTC(2026, 0, 31) + n).toISOString(),
      command: { type, ...payload } as JsonObject,
      ...(words && { commandWords: words }),
      events,
    };
    for (const stored of events) this.evolve(stored);
    this.events += events.length;
    this.appends.push(this.ledger.append(draft));
    if (this.appends.length >= WINDOW) await Promise.all(this.appends.splice(0));
  }

  private evolve(stored: Parameters<typeof eventOf>[0] & { readonly stream: string }): void {
    const decider = DECIDERS[parseStream(stored.stream).kind] as unknown as Decider<AggregateKind>;
    const before = this.states.get(stored.stream);
    this.states.set(stored.stream, decider.evolve(before, eventOf(stored)));
  }
}

function ramOf(n: number): number {
  return RAM_PA + n * RAM_BYTES;
}

function planOf(n: number): GuestPlan {
  return {
    ...{ name: `g${n}`, host: HOST, smmu: 'smmu0', hostIdr: IDR, canwbs: true },
    recording: { doorbells: [], memory: [], streams: [], steps: [] } as never,
    ram: [{ ipa: toHex(RAM_IPA), size: toHex(RAM_BYTES), pa: toHex(ramOf(n)) }],
    streamIds: new Map([[VSID, 0x40 + n]]),
    doorbell: 0x8090000,
    passthrough: [],
    replug: [],
  };
}
