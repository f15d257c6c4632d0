import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Recording } from '@steward/guest';
import { runTraceSuite, type PlayResult } from './suite';

const FIXTURES = join(__dirname, '../../../libs/interop/src/__fixtures__');
const TRACE = join(FIXTURES, 'guest-identity.qemu-trace.txt.gz');
const CMDQ = join(FIXTURES, 'guest-identity.cmdq.json.gz');
/** Five streams at each of 25 phase ends, and from its hot-plug on, at the last 6, the e1000e. */
const PHASE_END_STES = 25 * 5 + 6;
const TOTAL = 118 + 2607 + PHASE_END_STES;

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'traces-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** A player that compares everything and finds nothing wrong. */
async function agreeing(recording: Recording): Promise<PlayResult> {
  const count = (of: (step: Recording['steps'][number]) => number) =>
    recording.steps.reduce((sum, step) => sum + of(step), 0);
  return {
    dma: { checked: count((s) => (s.kind === 'dma' ? 1 : 0)), failures: [] },
    phaseEndStes: {
      checked: count((s) => (s.kind === 'phase-end' ? s.stes.size : 0)),
      failures: [],
    },
  };
}

/** No recording of these tests is one without stage 1. */
const playBare = (): PlayResult => {
  throw new Error('played bare');
};

function writePair(
  stem: string,
  edit: { trace?: (text: string) => string; cmdq?: (json: string) => string },
) {
  const text = (file: string) => gunzipSync(readFileSync(file)).toString('utf8');
  const same = (value: string) => value;
  writeFileSync(
    join(directory, `${stem}.qemu-trace.txt.gz`),
    gzipSync((edit.trace ?? same)(text(TRACE))),
  );
  writeFileSync(join(directory, `${stem}.cmdq.json.gz`), gzipSync((edit.cmdq ?? same)(text(CMDQ))));
}

describe('the traces suite', () => {
  it('counts commands, translations and phase-end STEs', async () => {
    expect(await runTraceSuite([TRACE], { play: agreeing, playBare })).toEqual({
      suite: 'traces',
      files: 1,
      total: TOTAL,
      passed: TOTAL,
      failed: 0,
      skipped: 0,
      failures: [],
      skips: [],
    });
  });

  it('finds traces in a directory and one level below, and ignores other files', async () => {
    mkdirSync(join(directory, 'inner'));
    for (const place of [directory, join(directory, 'inner')]) {
      copyFileSync(TRACE, join(place, 'guest-identity.qemu-trace.txt.gz'));
      copyFileSync(CMDQ, join(place, 'guest-identity.cmdq.json.gz'));
    }
    writeFileSync(join(directory, 'README.md'), 'recordings');
    expect(await runTraceSuite([directory], { play: agreeing, playBare })).toMatchObject({
      files: 2,
      total: 2 * TOTAL,
    });
  });

  it('runs only the recording asked for', async () => {
    writePair('guest-a', {});
    writePair('guest-b', {});
    const result = await runTraceSuite([directory], { play: agreeing, playBare, only: 'guest-b' });
    expect(result).toMatchObject({ files: 1, total: TOTAL });
  });

  it('fails a command once, with each line that disagrees', async () => {
    writePair('guest-a', { trace: (text) => text.replace('streamid= 0x8', 'streamid= 0x9') });
    const result = await runTraceSuite([directory], { play: agreeing, playBare });
    expect(result).toMatchObject({ total: TOTAL, failed: 1, passed: TOTAL - 1 });
    expect(result.failures).toEqual([
      {
        id: 'guest-a',
        step: expect.stringMatching(/^command 7 \(line \d+\) sid$/) as string,
        expected: '0x8',
        actual: '0x9',
      },
    ]);
  });

  it('fails what the player found wrong, and what it did not compare', async () => {
    const failure = { step: 'step 5', expected: 'ok', actual: 'abort' };
    const play = async (): Promise<PlayResult> => ({
      dma: { checked: 2600, failures: [failure] },
      phaseEndStes: { checked: PHASE_END_STES, failures: [failure, failure] },
    });
    const result = await runTraceSuite([TRACE], { play, playBare });
    expect(result).toMatchObject({ total: TOTAL, failed: 1 + 7 + 2 });
    expect(result.failures).toHaveLength(4);
  });

  it('skips a recording that lacks commands, and names the reason', async () => {
    writePair('guest-wrapped', {
      cmdq: (json) => json.replace('"cmdq_wrapped": false', '"cmdq_wrapped": true'),
    });
    expect(await runTraceSuite([directory], { play: agreeing, playBare })).toMatchObject({
      total: 0,
      failed: 0,
      skipped: 1,
      skips: [{ id: 'guest-wrapped', why: expect.stringContaining('wrapped') as string }],
    });
  });

  it('plays a guest without stage 1 on an SMMU of its own', async () => {
    const stage2Only = (text: string): string => text.replaceAll(/0xd44101b\b/g, '0xd441019');
    writePair('guest-s2', { trace: stage2Only, cmdq: stage2Only });
    const play = async (): Promise<PlayResult> => Promise.reject(new Error('nested'));
    const bare = { dma: { checked: 2607, failures: [] } };
    const result = await runTraceSuite([directory], {
      play,
      playBare: () => ({ ...bare, phaseEndStes: { checked: PHASE_END_STES, failures: [] } }),
    });
    expect(result).toMatchObject({ total: TOTAL, failed: 0 });
  });

  it.each([
    ['a truncated trace', (text: string) => text.slice(0, 5000), undefined],
    ['a command queue that is not JSON', undefined, (json: string) => json.slice(0, 500)],
    ['another document', undefined, () => '{}'],
  ])('fails %s as one failure of its file', async (_, trace, cmdq) => {
    writePair('guest-bad', { ...(trace && { trace }), ...(cmdq && { cmdq }) });
    expect(await runTraceSuite([directory], { play: agreeing, playBare })).toMatchObject({
      total: 1,
      failed: 1,
      failures: [{ id: 'guest-bad' }],
    });
  });

  it('fails a compressed file that was cut off', async () => {
    writePair('guest-cut', {});
    const file = join(directory, 'guest-cut.qemu-trace.txt.gz');
    writeFileSync(file, readFileSync(file).subarray(0, 2000));
    expect(await runTraceSuite([directory], { play: agreeing, playBare })).toMatchObject({
      failed: 1,
    });
  });

  it('fails a trace with no command queue beside it', async () => {
    copyFileSync(TRACE, join(directory, 'lonely.qemu-trace.txt.gz'));
    expect(await runTraceSuite([directory], { play: agreeing, playBare })).toMatchObject({
      failed: 1,
      failures: [{ id: 'lonely', expected: 'lonely.cmdq.json.gz beside it' }],
    });
  });

  it('does not take an error of the player for a damaged recording', async () => {
    const play = async (): Promise<PlayResult> => {
      throw new SyntaxError('a bug');
    };
    await expect(runTraceSuite([TRACE], { play, playBare })).rejects.toThrow('a bug');
  });
});
