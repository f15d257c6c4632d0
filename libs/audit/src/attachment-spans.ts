import { eventOf, wordsOf } from '@steward/domain';
import type { DomainEvent } from '@steward/domain';
import type { Attachments, Attempts, Effect, StoredCommit } from '@steward/ledger';
import { hex64, STE } from '@steward/smmu';

/** The 8 words of the STE in force for a device after the commit that is being projected. */
export type SteOf = (device: string) => readonly bigint[];

/** What the rows need to know of a span beside its commit. */
interface Held {
  readonly device: string;
  /** Absent: the device's own traffic. */
  readonly pasid?: number;
  readonly vm: string | null;
  readonly domain: string | null;
  readonly kind: string;
  readonly parent?: string;
  readonly vsmmu?: string;
  readonly vste?: readonly [string, string];
  readonly vmid: number | null;
  readonly asid?: number;
}

/** Where a device's STE is. */
interface Place {
  readonly smmu: string;
  readonly streamId: number;
}

/**
 * The attachment history: who held which device on what, from which commit to which. Every device is in
 * exactly one span at any position, also when nothing is attached (`blocked`) or the
 * host kernel holds it (`kernel-dma`). A PASID has spans of its own beside that, while it is attached.
 */
export class AttachmentSpans {
  private readonly vmOf = new Map<string, string>();
  /** ASIDs: of devices with a DMA domain of the kernel's own, and of stage-1 domains. */
  private readonly ownAsid = new Map<string, number>();
  private readonly asidOf = new Map<string, number>();
  private readonly vsmmuOf = new Map<string, string>();
  private readonly places = new Map<string, Place>();
  /** The STE that each device's last span left in force. */
  private readonly stes = new Map<string, readonly string[]>();

  constructor(
    private readonly tables: { readonly attachments: Attachments; readonly attempts: Attempts },
  ) {}

  /** Projects one commit with its effects; `steOf` reads the machine as the commit left it. */
  project(commit: StoredCommit, steOf: SteOf, effects: readonly Effect[] = []): void {
    this.recordAttempt(commit);
    for (const stored of commit.events) {
      const event = eventOf(stored);
      const { attachments } = this.tables;
      const end = { toPosition: commit.position, toAt: commit.at, endedBy: commit.commandId };
      if (event.type === 'DevicePasidDetached') attachments.end(event.device, end, event.pasid);
      const held = this.heldAfter(event);
      if (held === undefined) continue;
      const { vste, parent = null, vsmmu = null, asid = null, pasid = null, ...row } = held;
      attachments.end(held.device, end, pasid);
      const words = steOf(held.device);
      const ste = words.map(hex64);
      attachments.begin({
        ...{ ...row, parent, vsmmu, asid, pasid },
        vste0: vste?.[0] ?? null,
        vste1: vste?.[1] ?? null,
        ste,
        steBefore: this.stes.get(held.device) ?? null,
        stesAtSync: this.stesAtSync(held.device, effects),
        ats: words.length > 0 && STE.get(words, 'EATS') !== 0n,
        actor: commit.actor,
        fromPosition: commit.position,
        fromAt: commit.at,
        beganBy: commit.commandId,
        command: String(commit.command['type']),
      });
      this.stes.set(held.device, ste);
    }
  }

  /** Follows a commit whose rows are written already. */
  recall(commit: StoredCommit, steOf: SteOf): void {
    for (const stored of commit.events) {
      const held = this.heldAfter(eventOf(stored));
      if (held !== undefined) this.stes.set(held.device, steOf(held.device).map(hex64));
    }
  }

  /** A refused command that names a device. */
  private recordAttempt({ outcome, command, position, at, actor, commandId }: StoredCommit): void {
    const { device } = command;
    if (outcome.ok || typeof device !== 'string') return;
    const { errno, code, reason } = outcome;
    const attempt = { position, device, at, actor, commandId, command, errno, code, reason };
    this.tables.attempts.record(attempt);
  }

  private stesAtSync(device: string, effects: readonly Effect[]): string[][] {
    const place = this.places.get(device);
    return effects
      .filter(({ kind, payload }) => {
        const { smmu, streamId } = payload;
        return kind === 'ste-at-sync' && smmu === place?.smmu && streamId === place?.streamId;
      })
      .map(({ words }) => (words === undefined ? [] : Array.from(wordsOf(words), hex64)));
  }

  private heldAfter(event: DomainEvent): Held | undefined {
    switch (event.type) {
      case 'DeviceAdded': {
        const { device, smmu, streamIds, dmaAsid } = event;
        if (dmaAsid !== undefined) this.ownAsid.set(device, dmaAsid);
        this.places.set(device, { smmu, streamId: streamIds[0] ?? 0 });
        return this.kernels(device);
      }
      case 'S1DomainAllocated':
        this.asidOf.set(event.domain, event.asid);
        return undefined;
      case 'VdeviceAllocated':
        this.vsmmuOf.set(event.device, event.vsmmu);
        return undefined;
      case 'VdeviceFreed':
        this.vsmmuOf.delete(event.device);
        return undefined;
      case 'DeviceReleased':
        this.vmOf.delete(event.device);
        return this.kernels(event.device);
      case 'DeviceBound':
        this.vmOf.set(event.device, event.vm);
        return this.blocked(event.device);
      case 'DeviceDetached':
        return this.blocked(event.device);
      case 'DevicePasidAttached': {
        const { device, pasid, domain } = event;
        const asid = this.asidOf.get(domain);
        const held = { device, pasid, vm: this.vmOf.get(device) ?? null, domain, vmid: null };
        return { ...held, kind: 's1-domain', ...(asid !== undefined && { asid }) };
      }
      case 'DeviceAttached': {
        const { device, target, vste, vmid, parent } = event;
        const vm = this.vmOf.get(device) ?? null;
        const words = vste && ([hex64(BigInt(vste[0])), hex64(BigInt(vste[1]))] as const);
        const vsmmu = this.vsmmuOf.get(device);
        const asid = target.kind === 's1-domain' ? this.asidOf.get(target.id) : undefined;
        return {
          ...{ device, vm, domain: target.id, kind: target.kind, vmid: vmid ?? null },
          ...(parent !== undefined && { parent }),
          ...(vsmmu !== undefined && { vsmmu }),
          ...(words !== undefined && { vste: words }),
          ...(asid !== undefined && { asid }),
        };
      }
      default:
        return undefined;
    }
  }

  /** Held by the host kernel: on its own DMA domain for the device, or blocked where it has none. */
  private kernels(device: string): Held {
    const asid = this.ownAsid.get(device);
    const held = { device, vm: null, domain: null, vmid: null };
    return asid === undefined
      ? { ...held, kind: 'blocked' }
      : { ...held, kind: 'kernel-dma', asid };
  }

  private blocked(device: string): Held {
    const vm = this.vmOf.get(device) ?? null;
    const vsmmu = this.vsmmuOf.get(device);
    const held = { device, vm, domain: null, kind: 'blocked', vmid: null };
    return vsmmu === undefined ? held : { ...held, vsmmu };
  }
}
