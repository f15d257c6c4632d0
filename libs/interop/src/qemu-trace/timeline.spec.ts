import type { RecordedQueue } from './cmdq';
import { parseTrace } from './lines';
import { buildTimeline } from './timeline';

const SYNC: readonly [bigint, bigint] = [0x46n, 0n];
const queueOf = (count: number, phases: RecordedQueue['phases'] = []): RecordedQueue => ({
  guest: 'small',
  kernelOptions: '',
  commands: new Array<readonly [bigint, bigint]>(count).fill(SYNC),
  phases,
  events: [],
});
const OPCODE = 'smmuv3_cmdq_opcode <--- SMMU_CMD_SYNC';
const PROD = 'smmuv3_write_mmio addr: 0x98 val:0x1 size: 0x4(0)';
const ACCESS =
  'smmuv3_translate_success smmuv3-iommu-memory-region-8-1 sid=0x8 iova=0x1000 translated=0x40001000 perm=0x1 stage=1';
const CR0 = (value: string) => `smmuv3_write_mmio addr: 0x20 val:${value} size: 0x4(0)`;
const timeline = (queue: RecordedQueue, ...rows: string[]) =>
  buildTimeline(parseTrace(`${rows.join('\n')}\n`), queue);
const kinds = (queue: RecordedQueue, ...rows: string[]) =>
  timeline(queue, ...rows).map((m) =>
    m.kind === 'commands' ? `commands ${m.words.length}` : m.kind,
  );

describe('the timeline of a trace', () => {
  it('makes one batch of the commands that one CMDQ_PROD update hands over', () => {
    expect(kinds(queueOf(3), CR0('0x8'), OPCODE, OPCODE, PROD, OPCODE, PROD)).toEqual([
      'register',
      'commands 2',
      'commands 1',
    ]);
  });

  it('keeps a CMDQ_PROD write that hands nothing over only while the queue is off', () => {
    expect(kinds(queueOf(0), PROD, CR0('0x8'), PROD)).toEqual(['register', 'register']);
  });

  it('puts commands that another register write set going after that write', () => {
    expect(kinds(queueOf(1), OPCODE, CR0('0x8'))).toEqual(['register', 'commands 1']);
  });

  it('keeps an access between two commands of one update in its place', () => {
    expect(kinds(queueOf(2), CR0('0x8'), OPCODE, ACCESS, OPCODE, PROD)).toEqual([
      'register',
      'commands 1',
      'dma',
      'commands 1',
    ]);
  });

  it('ends a phase after its last line', () => {
    const phase = (name: string, lastLine: number, commandsEnd: number) => ({
      name,
      lastLine,
      commandsEnd,
      registers: {},
      entries: new Map(),
    });
    const phases = [phase('boot', 3, 1), phase('empty', 3, 1), phase('end', 4, 1)];
    expect(kinds(queueOf(1, phases), CR0('0x8'), OPCODE, PROD, ACCESS, ACCESS)).toEqual([
      'register',
      'commands 1',
      'phase-end',
      'phase-end',
      'dma',
      'phase-end',
      'dma',
    ]);
  });

  it('takes a translation as a read whose permission is the mapping’s', () => {
    expect(timeline(queueOf(0), ACCESS)).toEqual([
      {
        kind: 'dma',
        line: 1,
        vsid: 8,
        iova: 0x1000n,
        write: false,
        expect: { kind: 'ok', ipa: 0x4000_1000, readable: true, writable: false },
        by: 's1',
      },
    ]);
  });

  it('takes an abort as one, with its direction', () => {
    const abort =
      'smmuv3_translate_abort smmuv3-iommu-memory-region-16-0 sid=0x10 abort on iova:0x1000 is_write=1';
    expect(timeline(queueOf(0), abort)).toMatchObject([
      { kind: 'dma', vsid: 0x10, write: true, expect: { kind: 'abort' } },
    ]);
  });
});
