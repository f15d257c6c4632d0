import type { DomainEvent } from '@steward/domain';
import type { CommandTap } from '@steward/host';
import { CoherenceChecker } from './coherence/coherence-checker';
import { addTotals, type Finding, type StaleTotals, type StaleWindow } from './coherence/findings';
import { Digest } from './digest';
import { EventRefused } from './event-refused';
import type { MachineEffect } from './effects';
import { HostMachine } from './host-machine';
import { decodeHost, encodeHost } from './snapshot/host-snapshot';

/** A commit, as far as the machine cares. */
export interface MachineCommit {
  readonly position: number;
  readonly host: string;
  readonly events: readonly { readonly stream: string; readonly event: DomainEvent }[];
}

export interface Applied {
  readonly effects: readonly MachineEffect[];
  /** Digest of the host's whole history of effects up to this commit: 32 hex digits. */
  readonly digest: string;
  /** What the coherence checker has to say, where it is on. */
  readonly findings: readonly Finding[];
}

export interface MachineOptions {
  /** Keep track of stale cache entries. Default true. */
  readonly coherence?: boolean;
  /** What the drivers' commands pass on their way: simulations plant defects there. */
  readonly tap?: CommandTap;
}

const GENESIS = '0'.repeat(32);

/** The fold: every host's hardware, driver and memory as a function of the events so far. */
export class Machine {
  private readonly hosts = new Map<string, HostMachine>();
  private readonly digests = new Map<string, string>();
  private readonly digester = new Digest();

  constructor(private readonly options: MachineOptions = {}) {}

  /**
   * Applies the next commit. There is no other way in.
   * @throws EventRefused for an event that the host cannot follow; its state is then none that the log gives.
   */
  apply(commit: MachineCommit): Applied {
    const effects: MachineEffect[] = [];
    const findings: Finding[] = [];
    const { position, events } = commit;
    let index = 0;
    try {
      for (; index < events.length; index++) {
        const { stream, event } = events[index]!;
        if (event.type === 'HostRegistered') this.hosts.set(commit.host, this.createHost(event));
        const host = this.host(commit.host);
        for (const effect of host.apply(stream, event, { position, index })) effects.push(effect);
        if (host.coherence !== undefined) findings.push(...host.coherence.take());
      }
    } catch (error) {
      throw new EventRefused(index, events[index]!.event.type, error);
    }
    const previous = this.digests.get(commit.host) ?? GENESIS;
    const digest = digestOf(this.digester.restart(), previous, position, effects);
    this.digests.set(commit.host, digest);
    return { effects, digest, findings };
  }

  /** @throws Error for a host that no event has registered. */
  host(id: string): HostMachine {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`no event has registered host ${id}`);
    return host;
  }

  /** Whether an event has registered the host. */
  has(host: string): boolean {
    return this.hosts.has(host);
  }

  /** The digest of a host's effects so far; undefined for a host that no event has registered. */
  digestOf(host: string): string | undefined {
    return this.digests.get(host);
  }

  /**
   * The whole state of a host as bytes, from which `restore` goes on.
   * @throws Error for a host that no event has registered; SnapshotError when it holds what no snapshot can.
   */
  snapshot(host: string): Uint8Array {
    const digest = this.digests.get(host) ?? GENESIS;
    return encodeHost({ machine: this.host(host), digest });
  }

  /**
   * Puts a host into the state that a snapshot holds, in place of what it was.
   * @throws SnapshotError for bytes that are no snapshot by this code; the machine is left as it was.
   */
  restore(host: string, snapshot: Uint8Array): void {
    const { machine, digest } = decodeHost(snapshot);
    this.hosts.set(host, machine);
    this.digests.set(host, digest);
  }

  /** Stale windows and uses so far, over all hosts; none where nobody keeps track. */
  stale(): StaleTotals {
    const checkers = [...this.hosts.values()].flatMap(({ coherence }) => coherence ?? []);
    return addTotals(checkers.map((checker) => checker.totals()));
  }

  /** The stale windows that are open now. */
  openWindows(): StaleWindow[] {
    return [...this.hosts.values()].flatMap(({ coherence }) => coherence?.open() ?? []);
  }

  private createHost(event: Extract<DomainEvent, { type: 'HostRegistered' }>): HostMachine {
    const coherence = this.options.coherence ?? true;
    const checker = coherence ? new CoherenceChecker() : undefined;
    return new HostMachine(event, checker, this.options.tap);
  }

  /** One digest for all hosts. */
  digest(): string {
    return combineDigests(this.digests);
  }
}

/** Digest of a ledger from the latest digests of its hosts. */
export function combineDigests(byHost: ReadonlyMap<string, string>): string {
  const all = new Digest();
  for (const host of [...byHost.keys()].sort()) all.text(host).text(byHost.get(host) ?? '');
  return all.hex();
}

function digestOf(
  digest: Digest,
  previous: string,
  position: number,
  effects: readonly MachineEffect[],
): string {
  digest.text(previous).number(position).number(effects.length);
  for (const { kind, payload, words } of effects) {
    digest.text(kind).text(JSON.stringify(payload)).words(words);
  }
  return digest.hex();
}
