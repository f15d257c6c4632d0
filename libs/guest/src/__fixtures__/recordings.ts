import { encodeCommand } from '@steward/smmu';
import { countInferences } from '../recording-file';
import type { Recording, RecordingStep } from '../recording';

/** A recording of the given steps, with everything else plausible. */
export function recordingOf(
  steps: readonly RecordingStep[],
  overrides: Partial<Recording> = {},
): Recording {
  return {
    source: { trace: 'guest-small', guest: 'guest-small', kernelOptions: 'iommu.strict=1' },
    smmu: { idr: [0xd44101b, 0x2730010, 0, 0x1414, 0, 0x74], iidr: 0, aidr: 1 },
    playable: true,
    streams: [{ vsid: 0x10, devfn: 0x10 }],
    memory: [{ base: 0x4000_0000, size: 0x2000 }],
    doorbells: [{ base: 0x809_0000, size: 0x1000 }],
    inferred: countInferences(steps),
    steps,
    ...overrides,
  };
}

export const WRITE: RecordingStep = {
  kind: 'write',
  ipa: 0x4000_0000,
  word: 0x1n,
  inferred: 'ste-phase-end',
};
export const REGISTER: RecordingStep = { kind: 'register', name: 'CR0', value: 0xdn };
export const COMMANDS_STEP: RecordingStep = {
  kind: 'commands',
  words: [encodeCommand('CFGI_STE', { StreamID: 0x10n, Leaf: 1n }), encodeCommand('SYNC')],
};
export const DMA: RecordingStep = {
  kind: 'dma',
  vsid: 0x10,
  iova: 0xffff_f000n,
  write: false,
  expect: { kind: 'ok', ipa: 0x4000_1000, readable: true, writable: false },
};
export const PHASE_END: RecordingStep = {
  kind: 'phase-end',
  name: 'boot',
  stes: new Map([[0x10, [1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]]]),
};
