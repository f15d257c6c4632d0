import type { CommandWords, RegisterName } from '@steward/smmu';

/** Version of the recording file format that this release reads and writes. */
export const RECORDING_VERSION = 1;

/**
 * What a memory write of a recording was inferred from. A recording never holds a memory write that was seen:
 * the trace shows words when a walk reads them, and whole entries when a phase ends.
 *
 * - `l1std` – level-1 stream table descriptor, from the stream table walk that read it;
 * - `ste-initial` – the abort STE every stream of a new level-2 table starts with;
 * - `ste-phase-end` – STE read at a phase end, written before the CFGI_STE that announced it;
 * - `ste-walk` – STE known only from a DMA between two CFGI_STE: its CD pointer or its bypass was seen;
 * - `cd-phase-end`, `cd-walk` – the same two for a CD and CFGI_CD;
 * - `pte` – translation table descriptor, written just before the first walk that reads it with that value;
 * - `unannounced` – an STE or CD that changed with no invalidation command to announce it.
 */
export const INFERENCES = [
  'l1std',
  'ste-initial',
  'ste-phase-end',
  'ste-walk',
  'cd-phase-end',
  'cd-walk',
  'pte',
  'unannounced',
] as const;
export type Inference = (typeof INFERENCES)[number];

/** How a recorded access ended. `ipa` is the guest's own address of the byte reached, below 2^53. */
export type Expectation =
  | {
      readonly kind: 'ok';
      readonly ipa: number;
      readonly readable: boolean;
      readonly writable: boolean;
    }
  | { readonly kind: 'abort' };

/** The guest's driver wrote a register of its SMMU. */
export interface RegisterStep {
  readonly kind: 'register';
  readonly name: RegisterName;
  readonly value: bigint;
}

/** The guest wrote one 64-bit word of its memory, at an 8-byte aligned IPA. */
export interface WriteStep {
  readonly kind: 'write';
  readonly ipa: number;
  readonly word: bigint;
  readonly inferred: Inference;
}

/** One update of CMDQ_PROD: the commands it handed over, in queue order. Never empty. */
export interface CommandsStep {
  readonly kind: 'commands';
  readonly words: readonly CommandWords[];
}

/** One access of a device. `vsid` is the StreamID the guest sees. */
export interface DmaStep {
  readonly kind: 'dma';
  readonly vsid: number;
  readonly iova: bigint;
  readonly write: boolean;
  readonly expect: Expectation;
}

/** Where the recording paused and read the stream table: the eight STE words of each StreamID; no entry = all zero. */
export interface PhaseEndStep {
  readonly kind: 'phase-end';
  readonly name: string;
  readonly stes: ReadonlyMap<number, readonly bigint[]>;
}

export type RecordingStep = RegisterStep | WriteStep | CommandsStep | DmaStep | PhaseEndStep;

/** A run of bytes of the guest's address space, both multiples of 4096. */
export interface PageRange {
  readonly base: number;
  readonly size: number;
}

/** A StreamID of the guest and the device and function number (bits [7:0] of the requester ID) behind it. */
export interface RecordedStream {
  readonly vsid: number;
  readonly devfn: number;
}

/** Where a recording comes from. */
export interface RecordingSource {
  /** What the input was called by whoever imported it. */
  readonly trace: string;
  readonly guest: string;
  readonly kernelOptions: string;
}

/** Identification registers of the guest's SMMU as read at the end of its first phase (32-bit values). */
export interface RecordedSmmu {
  readonly idr: readonly [number, number, number, number, number, number];
  readonly iidr: number;
  readonly aidr: number;
}

/** What a guest did to its SMMU, in order. */
export interface Recording {
  readonly source: RecordingSource;
  readonly smmu: RecordedSmmu;
  /** False when the raw commands were not available: such a recording can be looked at, not played. */
  readonly playable: boolean;
  readonly streams: readonly RecordedStream[];
  /** Pages that must be RAM: tables, entries, queues and DMA targets. Ascending, not adjacent. */
  readonly memory: readonly PageRange[];
  /** Pages a device wrote that are not RAM: the interrupt controller's MSI doorbell. */
  readonly doorbells: readonly PageRange[];
  /** Number of memory writes by what they were inferred from. */
  readonly inferred: Readonly<Partial<Record<Inference, number>>>;
  readonly steps: readonly RecordingStep[];
}

/** The recording file is not one, or not of this version. `path` names the place, e.g. `steps[12]`. */
export class RecordingError extends Error {
  constructor(
    readonly path: string,
    readonly expected: string,
  ) {
    super(`${path}: ${expected}`);
    this.name = 'RecordingError';
  }
}
