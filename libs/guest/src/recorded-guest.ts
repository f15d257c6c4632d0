import { REGISTERS, type CommandWords, type RegisterName } from '@steward/smmu';
import type { Expectation, Recording, RecordingStep } from './recording';

/** One operation of a guest between two command batches: its CPU writes memory, or one of its devices reads or writes. */
export type ActivityOp =
  | { readonly op: 'write'; readonly ipa: number; readonly word: bigint }
  | {
      readonly op: 'dma';
      readonly vsid: number;
      /** What the binding calls the device behind `vsid`. */
      readonly device: string;
      readonly iova: bigint;
      readonly write: boolean;
      readonly expect: Expectation;
    };

/** What a guest does next, as a plain value. */
export type GuestAction =
  | { readonly kind: 'register'; readonly name: RegisterName; readonly value: bigint }
  /** Writes and accesses in the order they happened; at most `MAX_ACTIVITY_OPS` of them. */
  | { readonly kind: 'activity'; readonly ops: readonly ActivityOp[] }
  /** The guest put these commands into its queue and moved CMDQ_PROD over them. */
  | { readonly kind: 'commands'; readonly words: readonly CommandWords[] }
  /** Nothing to do: at this point the recorded stream table held these STEs (no entry = all zero). */
  | {
      readonly kind: 'phase-end';
      readonly name: string;
      readonly stes: ReadonlyMap<number, readonly bigint[]>;
    };

/** The devices a recorded guest is given: by the StreamID the guest uses, what the world calls the device. */
export interface GuestBinding {
  readonly devices: ReadonlyMap<number, string>;
}

/** Longest activity. A longer run of writes and accesses becomes several, so that one commit stays bounded. */
export const MAX_ACTIVITY_OPS = 4096;

/**
 * The recording cannot be played: it lacks its raw commands, a stream of it has no device in the binding, or its
 * SMMU had no stage 1 to nest.
 */
export class UnplayableRecording extends Error {
  constructor(
    readonly code: 'recording.not-playable' | 'recording.stream-unbound' | 'recording.no-stage-1',
    message: string,
  ) {
    super(message);
    this.name = 'UnplayableRecording';
  }
}

/** Whether the recorded guest's SMMU has stage 1 (IDR0.S1P, IHI 0070 §6.3.1): only such a guest can be nested. */
export function hasStage1({ smmu }: Recording): boolean {
  return REGISTERS.IDR0.layout.get([BigInt(smmu.idr[0] >>> 0)], 'S1P') === 1n;
}

/**
 * What the recorded guest does, in the recording's order. Every step of the recording is in exactly one action.
 * @throws UnplayableRecording before the first action, never half way.
 */
export function playRecording(
  recording: Recording,
  binding: GuestBinding,
): Generator<GuestAction, void, void> {
  checkPlayable(recording, binding);
  return actions(recording.steps, binding);
}

function* actions(
  steps: readonly RecordingStep[],
  binding: GuestBinding,
): Generator<GuestAction, void, void> {
  let ops: ActivityOp[] = [];
  for (const step of steps) {
    const op = activityOp(step, binding);
    if (op !== undefined) ops.push(op);
    if (ops.length > 0 && (op === undefined || ops.length === MAX_ACTIVITY_OPS)) {
      yield { kind: 'activity', ops };
      ops = [];
    }
    if (step.kind === 'register' || step.kind === 'commands' || step.kind === 'phase-end') {
      yield step;
    }
  }
  if (ops.length > 0) yield { kind: 'activity', ops };
}

function activityOp(step: RecordingStep, binding: GuestBinding): ActivityOp | undefined {
  if (step.kind === 'write') return { op: 'write', ipa: step.ipa, word: step.word };
  if (step.kind !== 'dma') return undefined;
  const { vsid, iova, write, expect } = step;
  return { op: 'dma', vsid, device: deviceOf(vsid, binding), iova, write, expect };
}

function checkPlayable(recording: Recording, binding: GuestBinding): void {
  if (!recording.playable) {
    throw new UnplayableRecording(
      'recording.not-playable',
      `the recording of ${recording.source.trace} has no raw commands; import it again with its command queue`,
    );
  }
  for (const step of recording.steps) if (step.kind === 'dma') deviceOf(step.vsid, binding);
}

function deviceOf(vsid: number, binding: GuestBinding): string {
  const device = binding.devices.get(vsid);
  if (device === undefined) {
    throw new UnplayableRecording(
      'recording.stream-unbound',
      `the recording has DMA of StreamID 0x${vsid.toString(16)}, and no device is bound to it`,
    );
  }
  return device;
}
