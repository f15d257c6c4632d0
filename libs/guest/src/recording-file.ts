import { jsonPath } from './json-path';
import { z } from 'zod';
import {
  INFERENCES,
  RECORDING_VERSION,
  RecordingError,
  type Inference,
  type Recording,
} from './recording';
import { formatStep, parseStep } from './recording-steps';

/** The JSON document of a recording file: numbers as hex strings, one string a step. */
export type RecordingDocument = z.infer<typeof RECORDING_DOCUMENT>;

const hexNumber = z.string().regex(/^0x[0-9a-f]{1,13}$/, 'expected a number below 2^52 like 0x1f');
const register = z.string().regex(/^0x[0-9a-f]{1,8}$/, 'expected a 32-bit register like 0x1414');
const pages = z.array(z.strictObject({ base: hexNumber, size: hexNumber }));

const RECORDING_DOCUMENT = z.strictObject({
  format: z.literal('steward-recording'),
  version: z.literal(RECORDING_VERSION),
  source: z.strictObject({ trace: z.string(), guest: z.string(), kernelOptions: z.string() }),
  smmu: z.strictObject({
    idr: z.tuple([register, register, register, register, register, register]),
    iidr: register,
    aidr: register,
  }),
  playable: z.boolean(),
  streams: z.array(z.strictObject({ vsid: hexNumber, devfn: z.int().min(0).max(255) })),
  memory: pages,
  doorbells: pages,
  inferred: z.partialRecord(z.enum(INFERENCES), z.int().nonnegative()),
  steps: z.array(z.string()),
});

/** The file of a recording whose steps come piece by piece: they stand first, what is known of the whole last. */
export class RecordingText {
  private separator = `{"format":"steward-recording","version":${RECORDING_VERSION},"steps":[`;

  /** The next text of the file: some more steps. */
  *steps(piece: Recording['steps']): Generator<string> {
    for (let i = 0; i < piece.length; i += STEPS_A_TEXT) {
      const texts = piece
        .slice(i, i + STEPS_A_TEXT)
        .map((step) => JSON.stringify(formatStep(step)));
      yield `${this.separator}${texts.join(',')}`;
      this.separator = ',';
    }
  }

  /** The last text of the file. */
  end(rest: Omit<Recording, 'steps'>): string {
    const whole = formatRecording({ ...rest, steps: [] });
    const { steps: _, format: __, version: ___, ...document } = whole;
    const open = this.separator === ',' ? '' : this.separator;
    return `${open}],${JSON.stringify(document).slice(1)}`;
  }
}

const STEPS_A_TEXT = 1024;

/** The document that stands for a recording; `JSON.stringify` of it is the file. */
export function formatRecording(recording: Recording): RecordingDocument {
  const ranges = (list: Recording['memory']) =>
    list.map(({ base, size }) => ({ base: hexOf(base), size: hexOf(size) }));
  const [idr0, idr1, idr2, idr3, idr4, idr5] = recording.smmu.idr;
  return {
    format: 'steward-recording',
    version: RECORDING_VERSION,
    source: { ...recording.source },
    smmu: {
      idr: [hexOf(idr0), hexOf(idr1), hexOf(idr2), hexOf(idr3), hexOf(idr4), hexOf(idr5)],
      iidr: hexOf(recording.smmu.iidr),
      aidr: hexOf(recording.smmu.aidr),
    },
    playable: recording.playable,
    streams: recording.streams.map(({ vsid, devfn }) => ({ vsid: hexOf(vsid), devfn })),
    memory: ranges(recording.memory),
    doorbells: ranges(recording.doorbells),
    inferred: { ...recording.inferred },
    steps: recording.steps.map(formatStep),
  };
}

/**
 * The recording of a parsed JSON document.
 * @throws RecordingError naming the place in the document and what was expected there; a document whose
 * inference counts disagree with its steps is refused, for it has been edited.
 */
export function parseRecording(json: unknown): Recording {
  const parsed = RECORDING_DOCUMENT.safeParse(json);
  if (!parsed.success) throw documentError(parsed.error);
  const { data } = parsed;
  const ranges = (list: { base: string; size: string }[], name: string) =>
    list.map(({ base, size }, i) => ({
      base: page(base, `${name}[${i}].base`),
      size: page(size, `${name}[${i}].size`),
    }));
  const [idr0, idr1, idr2, idr3, idr4, idr5] = data.smmu.idr;
  const recording: Recording = {
    source: data.source,
    smmu: {
      idr: [Number(idr0), Number(idr1), Number(idr2), Number(idr3), Number(idr4), Number(idr5)],
      iidr: Number(data.smmu.iidr),
      aidr: Number(data.smmu.aidr),
    },
    playable: data.playable,
    streams: data.streams.map(({ vsid, devfn }) => ({ vsid: Number(vsid), devfn })),
    memory: ranges(data.memory, 'memory'),
    doorbells: ranges(data.doorbells, 'doorbells'),
    inferred: data.inferred,
    steps: data.steps.map((text, i) => parseStep(text, `steps[${i}]`)),
  };
  checkCounts(recording);
  return recording;
}

/** Number of writes of each inference among the steps. */
export function countInferences(
  steps: Recording['steps'],
): Readonly<Partial<Record<Inference, number>>> {
  const counts: Partial<Record<Inference, number>> = {};
  for (const step of steps) {
    if (step.kind === 'write') counts[step.inferred] = (counts[step.inferred] ?? 0) + 1;
  }
  return counts;
}

function checkCounts(recording: Recording): void {
  const counted = countInferences(recording.steps);
  for (const name of INFERENCES) {
    const said = recording.inferred[name] ?? 0;
    const found = counted[name] ?? 0;
    if (said !== found) {
      throw new RecordingError(`inferred.${name}`, `${found} as counted in steps, not ${said}`);
    }
  }
}

function documentError(error: z.ZodError): RecordingError {
  const issue = error.issues[0];
  const path = jsonPath(issue?.path ?? []);
  return new RecordingError(path === '' ? 'recording' : path, issue?.message ?? 'a recording');
}

function page(text: string, path: string): number {
  const value = Number(text);
  if (value % 4096 !== 0) throw new RecordingError(path, `a multiple of 0x1000, not ${text}`);
  return value;
}

function hexOf(value: number): string {
  return `0x${value.toString(16)}`;
}
