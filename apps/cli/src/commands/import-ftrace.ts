import type { Command } from 'commander';
import { FtraceImport, type FtraceReport } from '@steward/interop';
import { readTextStream, writeWhole } from '../files';
import { withJsonOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';

interface FtraceFlags {
  readonly out: string;
  readonly json?: boolean;
}

export function importFtraceCommand(imports: Command): void {
  withJsonOption(imports.command('ftrace'))
    .description("the iommu events of Linux's ftrace, as NDJSON")
    .argument(
      '<trace>',
      'what /sys/kernel/tracing/trace or `trace-cmd report` prints, plain or .gz',
    )
    .requiredOption('--out <file>', 'NDJSON to write; packed when it ends in .gz')
    .action((trace: string, flags: FtraceFlags) => run(trace, flags));
}

/** Reads and writes piece by piece: the trace may be larger than memory. */
async function run(trace: string, { out, json }: FtraceFlags): Promise<void> {
  const bar = progressBar('importing');
  let ready: string[] = [];
  const importing = new FtraceImport((event) => ready.push(`${JSON.stringify(event)}\n`));
  let report: FtraceReport | undefined;
  const texts = async function* (): AsyncGenerator<string> {
    for await (const piece of readTextStream(trace, 'trace', bar.update)) {
      importing.text(piece);
      if (ready.length > 0) yield ready.join('');
      ready = [];
    }
    report = importing.finish();
  };
  await writeWhole(out, texts()).finally(bar.stop);
  if (report === undefined) throw new Error('the import ended without its report');
  if (json) printJson({ out, ...report });
  else printReport(report, out);
}

function printReport(report: FtraceReport, out: string): void {
  const { lines, parsed, skipped, events, unknown, unknownLines, lost, lostAt } = report;
  print(`${lines} lines: ${parsed} iommu events, ${skipped} comments and blank lines`);
  for (const [event, n] of Object.entries(events)) print(`  ${event} × ${n}`);
  for (const [event, n] of Object.entries(unknown)) {
    const places = unknownLines[event] ?? [];
    print(
      `  not known: ${event} × ${n} (line ${places.join(', ')}${n > places.length ? ' …' : ''})`,
    );
  }
  if (lost > 0) print(`  LOST ${lost} events before line ${lostAt.join(', ')}: the trace has gaps`);
  for (const { line, what } of report.findings) print(`  line ${line}: ${what}`);
  for (const { line, device, iova, mappedBy, unmappedBy } of report.faults) {
    const mapped = mappedBy === null ? 'never mapped in this trace' : `mapped at line ${mappedBy}`;
    const unmapped = unmappedBy === null ? '' : `, unmapped at line ${unmappedBy}`;
    print(
      `  line ${line}: ${device} faulted at ${iova}, last ${mapped}${unmapped} (of any domain)`,
    );
  }
  print(`wrote ${out}`);
}
