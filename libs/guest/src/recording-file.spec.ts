import {
  COMMANDS_STEP,
  DMA,
  PHASE_END,
  REGISTER,
  WRITE,
  recordingOf,
} from './__fixtures__/recordings';
import { RecordingError } from './recording';
import { countInferences, formatRecording, parseRecording, RecordingText } from './recording-file';

const RECORDING = recordingOf([REGISTER, WRITE, COMMANDS_STEP, DMA, PHASE_END]);

/** The document after a trip through JSON text, with one place of it replaced. */
function documentWith(path: readonly (string | number)[], value: unknown): unknown {
  const document = JSON.parse(JSON.stringify(formatRecording(RECORDING))) as Record<
    string,
    unknown
  >;
  let place: Record<string | number, unknown> = document;
  for (const key of path.slice(0, -1)) place = place[key] as Record<string | number, unknown>;
  place[path.at(-1) ?? ''] = value;
  return document;
}

describe('a recording file', () => {
  it('gives the recording back', () => {
    expect(parseRecording(JSON.parse(JSON.stringify(formatRecording(RECORDING))))).toEqual(
      RECORDING,
    );
  });

  it('names format and version first, so that a person sees what it is', () => {
    expect(JSON.stringify(formatRecording(RECORDING))).toMatch(
      /^\{"format":"steward-recording","version":1,/,
    );
  });

  it.each([
    [['format'], 'perfetto', 'format'],
    [['version'], 2, 'version'],
    [['smmu', 'idr', 3], 'abc', 'smmu.idr[3]'],
    [['smmu', 'idr'], ['0x1'], 'smmu.idr'],
    [['streams', 0, 'devfn'], 256, 'streams[0].devfn'],
    [['memory', 0, 'base'], '0x40000100', 'memory[0].base'],
    [['doorbells', 0, 'size'], '0x10', 'doorbells[0].size'],
    [['playable'], 'yes', 'playable'],
    [['inferred', 'guess'], 1, 'inferred'],
    [['steps', 2], 'c 0x1', 'steps[2]'],
    [['steps', 3], 12, 'steps[3]'],
  ])('refuses a wrong value at %j, naming the place', (path, value, named) => {
    const parse = () => parseRecording(documentWith(path, value));
    expect(parse).toThrow(RecordingError);
    expect(parse).toThrow(new RegExp(`^${named.replace(/[[\].]/g, '\\$&')}: `));
  });

  it.each([[[]], [[1]], [[2, 0, 3]], [[1, 1, 1, 1, 1]]])(
    'written piece by piece, %j steps at a time, is the same recording',
    (sizes) => {
      const { steps, ...rest } = RECORDING;
      const text = new RecordingText();
      let at = 0;
      const pieces = sizes.map((size) => steps.slice(at, (at += size)));
      const file = [...pieces.flatMap((piece) => [...text.steps(piece)]), text.end(rest)].join('');
      expect(JSON.parse(file)).toEqual({
        ...formatRecording(RECORDING),
        steps: formatRecording(RECORDING).steps.slice(0, at),
      });
    },
  );

  it('refuses an unknown key', () => {
    expect(() => parseRecording(documentWith(['extra'], 1))).toThrow(/extra/);
  });

  it.each([[null], [[]], ['text'], [undefined]])('refuses %j as a whole', (json) => {
    expect(() => parseRecording(json)).toThrow(RecordingError);
  });

  it('refuses counts of inferred writes that its steps do not bear out', () => {
    expect(() => parseRecording(documentWith(['inferred', 'ste-phase-end'], 2))).toThrow(
      'inferred.ste-phase-end: 1 as counted in steps, not 2',
    );
  });

  it('counts writes by what they were inferred from', () => {
    const pte = { ...WRITE, inferred: 'pte' as const };
    expect(countInferences([WRITE, pte as typeof WRITE, WRITE, DMA])).toEqual({
      'ste-phase-end': 2,
      pte: 1,
    });
  });
});
