import fc from 'fast-check';
import {
  COMMANDS_STEP,
  DMA,
  PHASE_END,
  REGISTER,
  WRITE,
  recordingOf,
} from './__fixtures__/recordings';
import { MAX_ACTIVITY_OPS, UnplayableRecording, playRecording } from './recorded-guest';
import type { RecordingStep } from './recording';

const BINDING = { devices: new Map([[0x10, 'nvme0']]) };
const play = (steps: readonly RecordingStep[]) => [...playRecording(recordingOf(steps), BINDING)];

describe('a recorded guest', () => {
  it('puts the writes and accesses between two command batches into one activity, in order', () => {
    expect(play([REGISTER, WRITE, DMA, WRITE, COMMANDS_STEP, DMA, PHASE_END])).toEqual([
      REGISTER,
      {
        kind: 'activity',
        ops: [
          { op: 'write', ipa: 0x4000_0000, word: 1n },
          expect.objectContaining({ op: 'dma', vsid: 0x10, device: 'nvme0' }),
          { op: 'write', ipa: 0x4000_0000, word: 1n },
        ],
      },
      COMMANDS_STEP,
      { kind: 'activity', ops: [expect.objectContaining({ op: 'dma' })] },
      PHASE_END,
    ]);
  });

  it('plays every step exactly once, in order, however they are interleaved', () => {
    const step = fc.constantFrom(REGISTER, WRITE, COMMANDS_STEP, DMA, PHASE_END);
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const kinds = play(steps).flatMap((action) =>
          action.kind === 'activity' ? action.ops.map(({ op }) => op) : [action.kind],
        );
        expect(kinds).toEqual(steps.map(({ kind }) => kind));
      }),
    );
  });

  it('never gives an activity longer than the limit', () => {
    const steps = new Array<RecordingStep>(2 * MAX_ACTIVITY_OPS + 1).fill(DMA);
    const lengths = play(steps).map((a) => (a.kind === 'activity' ? a.ops.length : 0));
    expect(lengths).toEqual([MAX_ACTIVITY_OPS, MAX_ACTIVITY_OPS, 1]);
  });

  it('refuses a recording without raw commands before it does anything', () => {
    const recording = recordingOf([COMMANDS_STEP], { playable: false });
    expect(() => playRecording(recording, BINDING)).toThrow(UnplayableRecording);
    expect(() => playRecording(recording, BINDING)).toThrow(/no raw commands/);
  });

  it('refuses a stream that has DMA and no device before it does anything', () => {
    expect(() => playRecording(recordingOf([COMMANDS_STEP, DMA]), { devices: new Map() })).toThrow(
      /StreamID 0x10, and no device is bound/,
    );
  });

  it('lets a stream without DMA be unbound', () => {
    const actions = [...playRecording(recordingOf([COMMANDS_STEP]), { devices: new Map() })];
    expect(actions).toEqual([COMMANDS_STEP]);
  });
});
