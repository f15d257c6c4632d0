import { fanout, type RecordedStep } from './__fixtures__/recorded';
import { RecordedHost } from './__fixtures__/host';

describe('unmapping stage 2', () => {
  it.each(fanout.map((recorded) => [`${recorded.run} ${recorded.scenario}`, recorded] as const))(
    'issues the recorded commands: %s',
    (_, recorded) => {
      const host = new RecordedHost(recorded.run);
      const areas = new Map<number, number>();
      for (const step of recorded.steps) play(host, areas, step);
    },
  );
});

function play(host: RecordedHost, areas: Map<number, number>, step: RecordedStep): void {
  if (step.op === 'attach') {
    host.attach(step.device!, step.to!);
    return;
  }
  const [iova, length] = [Number(step.iova), Number(step.length)];
  if (step.op === 'map') {
    areas.set(iova, length);
    host.mapScattered(iova, length);
    return;
  }
  // iommufd unmaps area by area.
  host.clear();
  for (const [start, bytes] of [...areas].sort(([a], [b]) => a - b)) {
    if (start < iova || start + bytes > iova + length) continue;
    host.driver.unmap('s2', { iova: start, length: bytes });
    areas.delete(start);
  }
  expect(host.shown.commands).toEqual(step.cmds);
}
