import { importQemuTrace } from '../index';
import { readPair, stemsIn } from '../__fixtures__/recorded-guests';
import { readRecording } from '../__fixtures__/stage1-reader';
const D = '/work/shared/traces';
test.each(stemsIn(D).filter((s) => !/two|host/.test(s)))(
  '%s',
  (stem) => {
    const pair = readPair(D, stem);
    const all = (pair.cmdq as any).phases;
    let seed = 7;
    const rnd = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    for (let n = 0; n < 14; n++) {
      const p = n === 0 ? 0 : rnd();
      const phases = all.filter((_: unknown, i: number) => i === all.length - 1 || rnd() < p);
      const { recording, report } = importQemuTrace({
        ...pair,
        cmdq: { ...(pair.cmdq as any), phases },
      });
      const a = readRecording(recording, 'none'),
        b = readRecording(recording, 'for-ever');
      console.log(
        stem,
        phases.length,
        JSON.stringify(report.inferred),
        report.notes.slice(0, 4),
        a.wrong.length,
        a.wrong.slice(0, 2),
        b.wrong.length,
        b.wrong.slice(0, 3),
        phases.map((x: any) => x.phase).join(),
      );
    }
  },
  60000,
);
