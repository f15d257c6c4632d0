import { eventOf } from '@steward/domain';
import type { DomainEvent } from '@steward/domain';
import type { Attachments, StoredCommit } from '@steward/ledger';
import { hex64 } from '@steward/smmu';

/** The 8 words of the STE in force for a device after the commit that is being projected. */
export type SteOf = (device: string) => readonly bigint[];

/** What the rows need to know of a span beside its commit. */
interface Held {
  readonly device: string;
  readonly vm: string | null;
  readonly domain: string | null;
  readonly kind: string;
  readonly vste?: readonly [string, string];
  readonly vmid: number | null;
}

/**
 * The attachment history: who held which device on what, from which commit to which. Every device is in
 * exactly one span at any position, also when nothing is attached (`blocked`) or the
 * host kernel holds it (`kernel-dma`).
 */
export class AttachmentSpans {
  private readonly vmOf = new Map<string, string>();
  /** Devices with a DMA domain of the kernel's own. */
  private readonly ownDomain = new Set<string>();

  constructor(private readonly table: Attachments) {}

  /** Projects one commit; `steOf` reads the machine as the commit left it. */
  project(commit: StoredCommit, steOf: SteOf): void {
    for (const stored of commit.events) {
      const event = eventOf(stored);
      const held = this.heldAfter(event);
      if (held === undefined) continue;
      this.table.end(held.device, {
        toPosition: commit.position,
        toAt: commit.at,
        endedBy: commit.commandId,
      });
      const { vste, ...row } = held;
      this.table.begin({
        ...row,
        vste0: vste?.[0] ?? null,
        vste1: vste?.[1] ?? null,
        ste: steOf(held.device).map(hex64),
        actor: commit.actor,
        fromPosition: commit.position,
        fromAt: commit.at,
        beganBy: commit.commandId,
      });
    }
  }

  /** Follows a commit whose rows are written already. */
  recall(commit: StoredCommit): void {
    for (const stored of commit.events) this.heldAfter(eventOf(stored));
  }

  private heldAfter(event: DomainEvent): Held | undefined {
    switch (event.type) {
      case 'DeviceAdded':
        if (event.dmaAsid !== undefined) this.ownDomain.add(event.device);
        return this.kernels(event.device);
      case 'DeviceReleased':
        this.vmOf.delete(event.device);
        return this.kernels(event.device);
      case 'DeviceBound':
        this.vmOf.set(event.device, event.vm);
        return this.blocked(event.device);
      case 'DeviceDetached':
        return this.blocked(event.device);
      case 'DeviceAttached': {
        const { device, target, vste, vmid } = event;
        const vm = this.vmOf.get(device) ?? null;
        const words = vste && ([hex64(BigInt(vste[0])), hex64(BigInt(vste[1]))] as const);
        const held = { device, vm, domain: target.id, kind: target.kind, vmid: vmid ?? null };
        return words === undefined ? held : { ...held, vste: words };
      }
      default:
        return undefined;
    }
  }

  /** Held by the host kernel: on its own DMA domain for the device, or blocked where it has none. */
  private kernels(device: string): Held {
    const kind = this.ownDomain.has(device) ? 'kernel-dma' : 'blocked';
    return { device, vm: null, domain: null, kind, vmid: null };
  }

  private blocked(device: string): Held {
    const vm = this.vmOf.get(device) ?? null;
    return { device, vm, domain: null, kind: 'blocked', vmid: null };
  }
}
