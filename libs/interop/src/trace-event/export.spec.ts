import fc from 'fast-check';
import type { FanOut, FannedCommand } from '@steward/audit';
import type { TraceEvent } from './events';
import { TraceEventExport, type ShownCommit, type ShownSpan } from './export';
import { validateTraceEvents } from './validate';

const command = (name: string): FannedCommand => ({
  name,
  words: ['0x0', '0x0'],
  origin: 'driver',
  removed: {},
  redundant: false,
});
const fanOut = (position: number, smmus: Record<string, string[][]>): FanOut => ({
  ...{ position, at: '', actor: 'vmm:g', commandId: 'c', cause: 'Any', causationId: null },
  smmus: Object.entries(smmus).map(([smmu, batches]) => ({
    smmu,
    batches: batches.map((names) => ({ commands: names.map(command), stes: [], synced: true })),
  })),
  totals: { commands: {}, invalidations: 0, redundant: 0, syncs: 0, removed: { stage2: 3 } },
});
const commit = (position: number, more: Partial<ShownCommit> = {}): ShownCommit => ({
  ...{ position, host: 'h', at: '2026-01-31T12:00:00.000Z', actor: 'vmm:g' },
  ...{ commandId: `c${position}`, command: 'MapIova', ...more },
});
const span = (device: string, fromPosition: number, toPosition: number | null): ShownSpan => ({
  ...{ device, host: 'h', kind: 'blocked', domain: null, fromPosition, toPosition, args: {} },
});
const slices = (events: readonly TraceEvent[]) =>
  events.flatMap((e) => (e.ph === 'X' ? [`${e.tid} ${e.ts}+${e.dur} ${e.name}`] : []));

describe('a ledger as trace events', () => {
  it('has a slice for each commit, in it its batches, in these their commands', () => {
    const picture = new TraceEventExport();
    const names = [['CMD_TLBI_S2_IPA', 'CMD_SYNC'], ['CMD_SYNC']];
    const events = [...picture.commit(commit(2, { fanOut: fanOut(2, { s0: names }) }))];
    expect(slices(events)).toEqual([
      '1 2000+1000 MapIova',
      '2 2000+500 to CMD_SYNC',
      '2 2000+250 CMD_TLBI_S2_IPA',
      '2 2250+250 CMD_SYNC',
      '2 2500+500 to CMD_SYNC',
      '2 2500+500 CMD_SYNC',
    ]);
    expect(events.filter(({ ph }) => ph === 's')).toHaveLength(2);
    expect(events.find(({ ph }) => ph === 'C')).toMatchObject({ args: { stage2: 3 } });
    expect(validateTraceEvents(events)).toEqual([]);
  });

  it('lets stale windows lie across each other, and marks each use on its device', () => {
    const picture = new TraceEventExport();
    const window = (opened: number, closed: number | null) =>
      picture.window({ host: 'h', smmu: 's', owner: 'guest g', opened, closed, args: {} }, 9);
    const use = { host: 'h', device: 'd', position: 4, args: { iova: '0x1' } };
    const events = [...window(2, 5), ...window(3, 8), ...window(7, null), ...picture.use(use)];
    expect(validateTraceEvents(events)).toEqual([]);
    const times = events.flatMap((e) =>
      e.ph === 'b' || e.ph === 'e' ? [`${e.ph}${e.id}@${e.ts}`] : [],
    );
    expect(times).toEqual(['b1@2000', 'e1@6000', 'b2@3000', 'e2@9000', 'b3@7000', 'e3@10000']);
    expect(events.at(-1)).toMatchObject({ ph: 'i', ts: 4000, args: { iova: '0x1' } });
    const [begin, end] = events.filter(({ ph }) => ph === 'b' || ph === 'e');
    const names = events.filter(({ ph }) => ph === 'M');
    for (const [broken, rule] of [
      [[begin!], 'an interval that begins ends'],
      [[end!], 'an interval that ends has begun'],
      [[begin!, end!, begin!, end!], 'an interval begins once'],
      [[begin!, { ...end!, ts: 0 }], 'an interval ends after its beginning'],
      [[begin!, { ...end!, name: 'other' }], 'both ends are called alike'],
    ] as const) {
      const rules = validateTraceEvents([...names, ...(broken as readonly TraceEvent[])]).map(
        (v) => v.rule,
      );
      expect(rules).toEqual([rule]);
    }
  });

  it('draws an arrow from a commit to the one it caused, if the picture has it', () => {
    const picture = new TraceEventExport();
    const first = [...picture.commit(commit(4))];
    const caused = [...picture.commit(commit(5, { causedBy: 4 }))];
    expect(caused.filter(({ ph }) => ph === 's')).toMatchObject([{ ts: 4000, name: 'caused' }]);
    expect(validateTraceEvents([...first, ...caused])).toEqual([]);
    expect([...picture.commit(commit(6, { causedBy: 1 }))].some(({ ph }) => ph === 's')).toBe(
      false,
    );
  });

  it('shows what a device was attached to, one span after the other, to the end of the ledger', () => {
    const picture = new TraceEventExport();
    const events = [...picture.span(span('d', 1, 5), 9), ...picture.span(span('d', 5, null), 9)];
    expect(slices(events)).toEqual(['1 1000+4000 blocked', '1 5000+5000 blocked']);
    expect(validateTraceEvents(events)).toEqual([]);
  });

  it('names a refusal by its errno', () => {
    const [, , slice] = [...new TraceEventExport().commit(commit(1, { refused: 'EBUSY' }))];
    expect(slice).toMatchObject({ name: 'MapIova EBUSY', args: { refused: 'EBUSY' } });
  });

  it('keeps the rules of the format whatever the batches', () => {
    const batches = fc.array(
      fc.array(fc.constantFrom('CMD_SYNC', 'CMD_ATC_INV'), { minLength: 1 }),
      {
        minLength: 1,
        maxLength: 9,
      },
    );
    fc.assert(
      fc.property(fc.array(batches, { maxLength: 8 }), (list) => {
        const picture = new TraceEventExport();
        const events = list.flatMap((b, i) => [
          ...picture.commit(
            commit(i + 1, { causedBy: i, fanOut: fanOut(i + 1, { s0: b, s1: b }) }),
          ),
        ]);
        expect(validateTraceEvents(events)).toEqual([]);
      }),
    );
  });
});

describe('the rules of the format', () => {
  const thread = { pid: 1, tid: 1 };
  const name: TraceEvent = { ph: 'M', ...thread, ts: 0, name: 'thread_name', args: { name: 't' } };
  const slice = (ts: number, dur: number): TraceEvent => ({
    ...{ ph: 'X', ...thread, ts, dur, name: 'x', cat: 'c' },
  });
  const arrow = (ph: 's' | 'f', ts: number, id = 1): TraceEvent => ({
    ...{ ph, ...thread, ts, id, name: 'a', cat: 'a' },
  });
  const rules = (...events: TraceEvent[]) =>
    validateTraceEvents([name, ...events]).map(({ rule }) => rule);

  it('slices inside each other and side by side are right, across each other wrong', () => {
    expect(rules(slice(0, 10), slice(0, 5), slice(5, 5), slice(10, 1))).toEqual([]);
    expect(rules(slice(0, 10), slice(5, 6))).toEqual([
      'a slice ends inside the slice it begins in',
    ]);
  });

  it('an arrow needs both ends, once each, in slices, in order', () => {
    expect(rules(slice(0, 10), arrow('s', 1), arrow('f', 2))).toEqual([]);
    expect(rules(slice(0, 10), arrow('s', 1))).toEqual(['an arrow that starts ends']);
    expect(rules(slice(0, 10), arrow('f', 1))).toEqual(['an arrow that ends has started']);
    expect(rules(slice(0, 10), arrow('s', 3), arrow('f', 2))).toEqual([
      'an arrow ends after its start',
    ]);
    expect(rules(slice(0, 1), arrow('s', 0), arrow('f', 2))).toEqual([
      'an end of an arrow lies in a slice of its thread',
    ]);
    expect(rules(slice(0, 9), arrow('s', 0), arrow('s', 0), arrow('f', 2), arrow('f', 3))).toEqual([
      'an arrow starts once',
      'an arrow ends once',
    ]);
  });

  it('times are numbers from 0 on, and threads have names', () => {
    expect(rules(slice(-1, 1))).toEqual(['ts is a time']);
    expect(rules(slice(0, NaN))).toContain('dur is a duration');
    expect(validateTraceEvents([slice(0, 1)]).map(({ rule }) => rule)).toEqual([
      'a thread with slices has a name',
    ]);
  });
});
