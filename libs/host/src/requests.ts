import type { VsteWords } from './vste-rules';

/** A device (one PCI function) behind an SMMU. */
export interface DeviceDescription {
  readonly id: string;
  readonly smmu: string;
  /** StreamIDs the device can send; a repeated one is the same stream. */
  readonly streamIds: readonly number[];
  /** Firmware says the device is coherent even for No_snoop traffic (IORT CANWBS). */
  readonly canwbs: boolean;
  /** The device has an ATS capability and its root complex allows it. */
  readonly ats: boolean;
  /** The device has an ATC, and translates through it while ATS is on. Default false. */
  readonly atc?: boolean;
  /** Firmware says that its transactions can wait when they fault (`dma-can-stall`). Default false. */
  readonly stalls?: boolean;
  /** log2 of the PASIDs it can send, 1 … 20; absent: none. */
  readonly pasidBits?: number;
  /** ASID of the DMA domain the kernel gives it; absent: the device aborts while nobody holds it. */
  readonly dmaAsid?: number;
}

/** A mapping of a domain's table: byte addresses, lengths and PAs are multiples of 4 KiB. */
export interface DomainMapping {
  readonly iova: number;
  readonly length: number;
  readonly pa: number;
  readonly read: boolean;
  readonly write: boolean;
  /** Device memory, such as an MSI doorbell. */
  readonly mmio: boolean;
}

export type AttachRequest =
  | { readonly kind: 'blocked' }
  /** The kernel's own DMA domain of the device, or blocked where it has none. */
  | { readonly kind: 'dma' }
  | { readonly kind: 'stage1'; readonly domain: string; readonly faultQueue?: string }
  | { readonly kind: 'parent'; readonly parent: string }
  | {
      readonly kind: 'nested';
      readonly parent: string;
      readonly vste: VsteWords;
      readonly vsid?: number;
      readonly vsmmu?: string;
      /** Where the page faults of the domain go. */
      readonly faultQueue?: string;
    };

/** Answer to a batch of guest commands. */
export interface InvalidationAnswer {
  /** Number the kernel reports: all, or the index of the first that cannot be forwarded. */
  readonly handled: number;
  /** The kernel answers EIO. */
  readonly failed: boolean;
}
