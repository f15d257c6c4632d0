import * as c from '../__fixtures__/commands';
import { given, history } from '../__fixtures__/given-when-then';
import type { Command } from '../aggregates';

const allocate = {
  type: 'AllocateVeventq',
  veventq: 'q',
  vsmmu: 'vs',
  queueType: 1,
  depth: 2,
} as const;
const report: Command = {
  type: 'ReportVevent',
  veventq: 'q',
  words: BigUint64Array.of(0x10n, 0n, 0n, 0n),
};
const read = (bytes: number): Command => ({ type: 'ReadVevents', veventq: 'q', bytes });
const answerOf = (bytes: number, ...before: readonly Command[]) =>
  given(...history(...c.NESTED, allocate, ...before)).when(read(bytes)).decision.answer;

describe('a vEVENTQ', () => {
  it('is one a type and vSMMU, with a depth of 1 to 2^31-1', () => {
    const world = history(...c.NESTED, allocate);
    given(...world)
      .when({ ...allocate, veventq: 'r' })
      .thenRejected('EEXIST', 'veventq.type');
    expect(given(...world).when({ ...allocate, veventq: 'r', queueType: 2 }).decision.ok).toBe(
      true,
    );
    for (const depth of [0, 2 ** 31]) {
      given(...world)
        .when({ ...allocate, veventq: 'r', depth })
        .thenRejected('EINVAL', 'veventq.depth');
    }
    given(...world)
      .when({ ...allocate, veventq: 'r', queueType: 0 })
      .thenRejected('EOPNOTSUPP', 'veventq.type');
  });

  it('gives whole items, as many as fit, and EINVAL when the first does not', () => {
    expect(answerOf(80, report, report)).toMatchObject({ bytes: 80 });
    expect(answerOf(79, report, report)).toMatchObject({ bytes: 40 });
    expect(answerOf(4096)).toMatchObject({ bytes: 0, records: [] });
    given(...history(...c.NESTED, allocate, report))
      .when(read(39))
      .thenRejected('EINVAL', 'veventq.short');
  });

  it('tells of lost events by one header at the end, with the number of the last', () => {
    expect(answerOf(4096, report, report, report, report)).toMatchObject({
      bytes: 88,
      records: [{ sequence: 0 }, { sequence: 1 }, { flags: 1, sequence: 3 }],
    });
  });

  it('drops the header when an event follows: the gap then tells', () => {
    const records = answerOf(4096, report, report, report, read(40), report)?.['records'];
    expect(records).toMatchObject([{ sequence: 1 }, { flags: 0, sequence: 3 }]);
  });

  it('is held by its file descriptor, and holds its vSMMU', () => {
    const free: Command = { type: 'FreeVeventq', veventq: 'q' };
    const world = history(...c.NESTED, allocate);
    given(...world)
      .when(free)
      .thenRejected('EBUSY', 'veventq.open');
    given(...world)
      .when({ type: 'FreeVsmmu', vsmmu: 'vs' })
      .thenRejected('EBUSY', 'vsmmu.used');
    const close: Command = { type: 'CloseVeventq', veventq: 'q' };
    expect(given(...history(...c.NESTED, allocate, close)).when(free).decision.ok).toBe(true);
  });
});
