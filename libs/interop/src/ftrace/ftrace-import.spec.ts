import fc from 'fast-check';
import { TraceError } from '../qemu-trace/trace-error';
import type { FtraceEvent } from './events';
import { FtraceImport } from './ftrace-import';

const TRACE = `# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
       swapper/0-1       [000] .....     0.512345: add_device_to_group: IOMMU: groupID=3 device=0000:00:02.0
       swapper/0-1       [000] .....     0.512400: attach_device_to_domain: IOMMU: device=0000:00:02.0
    kworker/u8:1-57      [002] d..1.     1.250000: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000044414000 size=4096
          <idle>-0       [003] d.h1.     1.260000: sched_wakeup: comm=x pid=1 prio=120 target_cpu=000
CPU:3 [LOST 12 EVENTS]
    kworker/u8:1-57      [002] d..1.     1.270000: unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096
   irq/13-arm-sm-88      [001] .....     1.280000: io_page_fault: IOMMU:nvme 0000:00:02.0 iova=0x00000000fffff040 flags=0x0001
`;

function imported(...pieces: string[]) {
  const events: FtraceEvent[] = [];
  const importing = new FtraceImport((event) => events.push(event));
  for (const piece of pieces) importing.text(piece);
  return { events, report: importing.finish() };
}
const line = (text: string, head = 'a-1 [000] ..... 1.000000: '): string => `${head}${text}\n`;

describe('the iommu events of ftrace', () => {
  it('are read with task, CPU, time and fields', () => {
    const { events } = imported(TRACE);
    expect(events.map(({ event }) => event)).toEqual([
      ...['add_device_to_group', 'attach_device_to_domain', 'map', 'unmap', 'io_page_fault'],
    ]);
    expect(events[2]).toEqual({
      ...{ line: 7, task: 'kworker/u8:1', pid: 57, cpu: 2, seconds: '1.250000', event: 'map' },
      fields: { iova: '0xfffff000', end: '0x100000000', paddr: '0x44414000', size: '0x1000' },
    });
    expect(events[4]).toMatchObject({
      task: 'irq/13-arm-sm',
      fields: { driver: 'nvme', device: '0000:00:02.0', iova: '0xfffff040', flags: '0x0001' },
    });
  });

  it('every line is parsed, skipped or unknown, the latter with its place', () => {
    expect(imported(TRACE).report).toMatchObject({
      ...{ lines: 11, parsed: 5, skipped: 5, lost: 12, lostAt: [9] },
      events: { map: 1, unmap: 1, io_page_fault: 1 },
      unknown: { sched_wakeup: 1 },
      unknownLines: { sched_wakeup: [8] },
      findings: [],
    });
  });

  it('a fault comes with the last lines that name its address', () => {
    expect(imported(TRACE).report.faults).toEqual([
      { line: 11, device: '0000:00:02.0', iova: '0xfffff040', mappedBy: 7, unmappedBy: 10 },
    ]);
    const alone = line('io_page_fault: IOMMU:x d iova=0x1000 flags=0x0000');
    expect(imported(alone).report.faults).toMatchObject([{ mappedBy: null, unmappedBy: null }]);
  });

  it('are the same wherever the text is cut', () => {
    fc.assert(
      fc.property(fc.nat({ max: TRACE.length }), (cut) => {
        expect(imported(TRACE.slice(0, cut), TRACE.slice(cut))).toEqual(imported(TRACE));
      }),
      { seed: 20260131, numRuns: 50 },
    );
  });

  it.each([
    [
      'of older kernels, without the end of a range',
      'map: IOMMU: iova=0x1000 paddr=0x2000 size=4096',
      '0x1000',
    ],
    [
      'of yet older ones, with sizes in hex',
      'map: IOMMU: iova=0x1000 paddr=0x2000 size=0x2000',
      '0x2000',
    ],
    [
      'of trace-cmd, with the group',
      'iommu:map: IOMMU: iova=0x1000 paddr=0x2000 size=8192',
      '0x2000',
    ],
  ])('%s', (_, text, size) => {
    expect(imported(line(text)).events).toMatchObject([{ fields: { iova: '0x1000', size } }]);
  });

  it.each([
    ['with thread groups', 'a-1 (    1) [000] ..... 1.000000: '],
    ['without flags', '   a-b c-1 [000] 1.000000: '],
  ])('%s in the lines', (_, head) => {
    const text = line('detach_device_from_domain: IOMMU: device=d', head);
    expect(imported(text).events).toMatchObject([{ pid: 1, fields: { device: 'd' } }]);
  });

  it('of another group that are called alike, and lines of nobody, are unknown', () => {
    const text = line('map: page=1') + line('kvm:unmap: IOMMU: x') + 'no such line\n';
    const { events, report } = imported(text);
    expect(events).toEqual([]);
    expect(report.unknown).toEqual({ map: 1, unmap: 1, '?': 1 });
    expect(report.unknownLines['?']).toEqual([3]);
  });

  it('say where they contradict themselves, or the kernel did less than it was asked', () => {
    const text =
      line('map: IOMMU: iova=0x1000 - 0x3000 paddr=0x2000 size=4096') +
      line('unmap: IOMMU: iova=0x1000 - 0x3000 size=8192 unmapped_size=4096');
    expect(imported(text).report.findings.map((finding) => finding.line)).toEqual([1, 2]);
  });

  it('that are damaged or cut off are an error at their line', () => {
    expect(() => imported(line('map: IOMMU: iova=0x1000 size=4096'))).toThrow(TraceError);
    expect(() => imported(line('map: IOMMU: iova=0x1000 paddr=0x0 size=40f'))).toThrow(/^line 1: /);
    expect(() => imported(TRACE.slice(0, -5))).toThrow(/^line 11: .*truncated/);
  });
});
