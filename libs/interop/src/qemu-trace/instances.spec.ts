import type { RecordedQueue } from './cmdq';
import { splitByInstance } from './instances';
import { parseTrace } from './lines';

const SYNC: readonly [bigint, bigint] = [0x46n, 0n];
const CFGI = (sid: bigint): readonly [bigint, bigint] => [0x3n | (sid << 32n), 1n];
const queue = (
  commands: RecordedQueue['commands'],
  ...ends: [number, number][]
): RecordedQueue => ({
  guest: 'two',
  kernelOptions: '',
  commands,
  events: [],
  phases: ends.map(([lastLine, commandsEnd], i) => ({
    name: `p${i}`,
    lastLine,
    commandsEnd,
    registers: {},
    entries: new Map(),
  })),
});
const IDR0 = 'smmuv3_read_mmio addr: 0x0 val:0xd44101a size: 0x4(0)';
const PROD = (value: number) => `smmuv3_write_mmio addr: 0x98 val:0x${value} size: 0x4(0)`;
const run = (cons: number, ...commands: string[]) => [
  ...commands.flatMap((text, k) => [
    `smmuv3_cmdq_consume prod=${cons + commands.length} cons=${cons + k} prod.wrap=0 cons.wrap=0`,
    ...text.split('|'),
  ]),
  `smmuv3_cmdq_consume_out prod:${cons + commands.length}, cons:${cons + commands.length}, prod_wrap:0, cons_wrap:0`,
];
const sync = 'smmuv3_cmdq_opcode <--- SMMU_CMD_SYNC';
const cfgi = (sid: number) =>
  `smmuv3_cmdq_opcode <--- SMMU_CMD_CFGI_STE|smmuv3_cmdq_cfgi_ste streamid= 0x${sid}`;

/** Line numbers of each instance. */
const split = (queues: RecordedQueue[], ...rows: string[]) =>
  splitByInstance(parseTrace(`${rows.join('\n')}\n`), queues).map((t) =>
    t.lines.map((l) => l.line),
  );

describe('the lines of several SMMUs', () => {
  it('a run of commands goes to the queue that holds its words at its indexes', () => {
    const queues = [queue([CFGI(8n), SYNC]), queue([CFGI(9n), SYNC])];
    const rows = [...run(0, cfgi(9), sync), PROD(2), ...run(0, cfgi(8), sync), PROD(2)];
    expect(split(queues, ...rows)).toEqual([
      [8, 9, 10, 11, 12, 13, 14],
      [1, 2, 3, 4, 5, 6, 7],
    ]);
  });

  it('equal runs go first to the instance that is being probed, then to one with commands due', () => {
    const queues = [queue([SYNC, SYNC], [6, 1], [12, 2]), queue([SYNC], [6, 1], [12, 1])];
    const rows = [...run(0, sync), ...run(0, sync)];
    expect(split(queues, ...rows)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(split(queues, IDR0, IDR0, ...run(0, sync), ...run(0, sync))).toEqual([
      [1, 6, 7, 8],
      [2, 3, 4, 5],
    ]);
  });

  it('walks and accesses go to the instance with the StreamID', () => {
    const queues = [queue([CFGI(8n)]), queue([CFGI(9n)])];
    const access = (sid: number) =>
      `smmuv3_translate_abort region sid=0x${sid} abort on iova:0x1000 is_write=0`;
    const rows = [...run(0, cfgi(8)), ...run(0, cfgi(9)), access(9), access(8), access(9)];
    expect(split(queues, ...rows)).toEqual([
      [1, 2, 3, 4, 10],
      [5, 6, 7, 8, 9, 11],
    ]);
  });

  it('a run that no queue holds stays with the instance being looked at, for the cross-check to report', () => {
    const queues = [queue([SYNC]), queue([SYNC])];
    expect(split(queues, IDR0, IDR0, ...run(0, cfgi(7)))).toEqual([[1], [2, 3, 4, 5, 6]]);
  });

  it('one instance gets every line', () => {
    expect(split([queue([SYNC])], IDR0, ...run(0, sync))).toEqual([[1, 2, 3, 4]]);
  });
});
