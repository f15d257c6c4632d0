import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentOf, expectTranscript, steward } from './built-cli';
import { DEVICE, SmallGuest } from './small-guest';

const S1 = [0x0000_0000_4002_000bn, 0xd6n] as const;

const FTRACE = `# tracer: nop
       swapper/0-1       [000] .....     0.512400: attach_device_to_domain: IOMMU: device=0000:00:02.0
    kworker/u8:1-57      [002] d..1.     1.250000: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000044414000 size=4096
          <idle>-0       [003] d.h1.     1.260000: sched_wakeup: comm=x pid=1 prio=120 target_cpu=000
CPU:3 [LOST 12 EVENTS]
    kworker/u8:1-57      [002] d..1.     1.270000: unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096
   irq/13-arm-sm-88      [001] .....     1.280000: io_page_fault: IOMMU:nvme 0000:00:02.0 iova=0x00000000fffff040 flags=0x0001
`;

describe('incident in, evidence out', () => {
  let folder: string;
  let ledger: string;
  beforeAll(async () => {
    const guest = await SmallGuest.open();
    await guest.changeSte(S1);
    folder = await guest.close({ keep: true });
    ledger = join(folder, 'ledger.db');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('ftrace text becomes NDJSON; what is not known is counted with its lines', () => {
    const [trace, out] = [join(folder, 'ftrace.txt'), join(folder, 'iommu.ndjson')];
    writeFileSync(trace, FTRACE);
    const printed = steward('import', 'ftrace', trace, '--out', out);
    expect([printed.code, printed.stderr]).toEqual([0, '']);
    expectTranscript('import-ftrace', printed.stdout, [folder]);
    const events = readFileSync(out, 'utf8').trimEnd().split('\n');
    expect(events.map((text) => (JSON.parse(text) as { line: number }).line)).toEqual([2, 3, 6, 7]);
    writeFileSync(trace, FTRACE.slice(0, -3));
    expect(steward('import', 'ftrace', trace, '--out', out).code).toBe(1);
    expect(steward('import', 'ftrace', join(folder, 'none'), '--out', out).code).toBe(3);
  });

  it.each(['attachments', 'commands', 'fanout'])('%s as CSV', (table) => {
    const out = join(folder, `${table}.csv`);
    const made = steward('export', 'csv', table, '--out', out, '--json', '--ledger', ledger);
    expect([made.code, made.stderr]).toEqual([0, '']);
    const records = readFileSync(out, 'utf8').trimEnd().split('\r\n');
    expect(documentOf(made)).toMatchObject({ table, rows: records.length - 1 });
    expect(records.length).toBeGreaterThan(5);
    expect(records.some((record) => record.includes(table === 'fanout' ? 'CMD_' : DEVICE))).toBe(
      true,
    );
  });

  it('knows no other table', () => {
    const out = join(folder, 'x.csv');
    expect(steward('export', 'csv', 'else', '--out', out, '--ledger', ledger).code).toBe(2);
  });
});
