import fc from 'fast-check';
import type { Recording } from '@steward/guest';
import { identityGuest } from '../__fixtures__/recorded-guests';
import { importQemuTrace } from './import';
import { TextImport } from './text-import';
import { TraceError, UnsupportedTrace } from './trace-error';

const { trace } = identityGuest();
const LINES = trace.split('\n').length - 1;
const SEED = 20260131;

/** Imports pieces one after the other. */
function imported(pieces: Iterable<string>, options: { linesMax?: number } = {}) {
  const steps: Recording['steps'][number][] = [];
  const importing = new TextImport(
    { name: 'trace', smmu: 0 },
    (more) => steps.push(...more),
    options,
  );
  for (const piece of pieces) importing.text(piece);
  const { recording, report } = importing.finish();
  return { recording: { ...recording, steps }, report };
}

describe('a trace that comes in pieces', () => {
  it('gives what it gives at once, wherever it is cut', () => {
    const whole = importQemuTrace({ trace });
    fc.assert(
      fc.property(fc.array(fc.nat({ max: trace.length }), { maxLength: 6 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), trace.length];
        const pieces = places.slice(1).map((end, i) => trace.slice(places[i], end));
        expect(imported(pieces)).toEqual(whole);
      }),
      { seed: SEED, numRuns: 5 },
    );
  });

  it('repeated is as many boots, each as the first, lines counted on', () => {
    const [once, thrice] = [imported([trace]), imported([trace, trace, trace])];
    expect(once.report).toMatchObject({ boots: 1, lines: LINES });
    expect(thrice.report).toMatchObject({
      ...{ boots: 3, lines: 3 * LINES, parsed: 3 * LINES, unknown: {} },
      commands: 3 * once.report.commands,
      translations: 3 * once.report.translations,
    });
    expect(thrice.recording.steps).toEqual([1, 2, 3].flatMap(() => once.recording.steps));
    expect(thrice.recording.memory).toEqual(once.recording.memory);
    expect(thrice.recording.streams).toEqual(once.recording.streams);
  });

  it('is taken up anew where a boot is too long, and says where', () => {
    const { report } = imported([trace], { linesMax: 2000 });
    const whole = imported([trace]).report;
    expect(report).toMatchObject({ boots: 1, lines: LINES, commands: whole.commands });
    expect(report.translations).toBe(whole.translations);
    expect(report.notes.filter((note) => note.includes('taken up anew')).length).toBeGreaterThan(0);
  });

  it('names the lines of events that nobody knows', () => {
    const odd = trace.replace('\n', '\nvirtio_notify a\n');
    expect(imported([odd]).report).toMatchObject({
      unknown: { virtio_notify: 1 },
      unknownLines: { virtio_notify: [2] },
    });
  });

  it('is read with time stamps as without', () => {
    const stamped = trace.replace(/^(?=.)/gm, '4711@1769860800.123456:');
    expect(imported([stamped]).recording).toEqual(imported([trace]).recording);
  });

  it('is damaged where it ends inside a line, at whatever line that is', () => {
    expect(() => imported([trace, 'smmuv3_get_cd CD addr: 0x44'])).toThrow(
      new RegExp(`^line ${LINES + 1}: .*truncated`),
    );
    expect(() => imported([trace, trace.replace('CD addr: 0x', 'CD addr: 0y')])).toThrow(
      TraceError,
    );
    expect(() => imported([])).toThrow('the trace is empty');
  });

  it('of several SMMUs needs the raw commands, in a later boot too', () => {
    expect(() => imported([trace, 'smmu_reset_exit \n', trace])).toThrow(UnsupportedTrace);
  });
});
