import { importQemuTrace } from '../index';
import { readPair, stemsIn } from '../__fixtures__/recorded-guests';
import { readRecording } from '../__fixtures__/stage1-reader';
import { formatRecording, parseRecording } from '@steward/guest';
import { gzipSync } from 'node:zlib';
const D = '/work/shared/traces';
test.each(stemsIn(D))('%s', (stem) => {
  const t0 = Date.now();
  try {
    const pair = readPair(D, stem);
    const { recording, report } = importQemuTrace(pair);
    const r = readRecording(recording, 'none');
    const r2 = readRecording(recording, 'for-ever');
    console.log(stem, 'caching', r2.wrong.length, r2.wrong.slice(0, 5));
    const json = JSON.stringify(formatRecording(recording));
    const back = parseRecording(JSON.parse(json));
    expect(back).toEqual(recording);
    const pc: Record<string, number> = {};
    for (const s of recording.steps) pc[s.kind] = (pc[s.kind] ?? 0) + 1;
    console.log(
      stem,
      Date.now() - t0,
      JSON.stringify(report),
      { ...r, wrong: r.wrong.length },
      r.wrong.slice(0, 5),
      pc,
      json.length,
      gzipSync(json).length,
      recording.memory.length,
      JSON.stringify(recording.doorbells),
      JSON.stringify(recording.streams),
    );
  } catch (e) {
    console.log(stem, String(e));
  }
});
