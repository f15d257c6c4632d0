import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatRecording, RecordingText } from '@steward/guest';
import type { Recording } from '@steward/guest';
import { importQemuTrace, TextImport } from '@steward/interop';
import type { ImportReport } from '@steward/interop';
import { readJson, readText, readTextStream, writeWhole } from '../files';
import { nonNegativeInteger, withJsonOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';
import { importFtraceCommand } from './import-ftrace';
import { importLogCommand } from './log-text';

interface ImportFlags {
  readonly cmdq?: string;
  readonly smmu?: number;
  readonly out: string;
  readonly json?: boolean;
}

/** The sources that can be imported, each a command of its own. */
export function importCommand(program: Command): void {
  const imports = program
    .command('import')
    .description('turn what others recorded into recordings, or an exported log into a ledger');
  withJsonOption(imports.command('qemu-trace'))
    .description('a QEMU SMMUv3 trace and the raw commands recorded with it')
    .argument('<trace>', 'trace text, plain or .gz')
    .option(
      '--cmdq <json>',
      'the .cmdq.json of the same run; without it the result cannot be played',
    )
    .option('--smmu <n>', 'SMMU instance, from 0', nonNegativeInteger)
    .requiredOption('--out <recording>', 'file to write; packed when it ends in .gz')
    .action((trace: string, flags: ImportFlags) => run(trace, flags));
  importFtraceCommand(imports);
  importLogCommand(imports);
}

async function run(trace: string, flags: ImportFlags): Promise<void> {
  const { report, playable } =
    flags.cmdq === undefined
      ? await importText(trace, flags)
      : await importWithCommands(trace, flags.cmdq, flags);
  // Kilobytes, whatever the system.
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  if (flags.json) printJson({ out: flags.out, playable, ...report, peakRssBytes });
  else printReport(report, flags.out, playable);
}

interface Imported {
  readonly report: ImportReport;
  readonly playable: boolean;
}

async function importWithCommands(
  trace: string,
  commands: string,
  { smmu, out }: ImportFlags,
): Promise<Imported> {
  const { recording, report } = importQemuTrace({
    ...{ trace: readText(trace, 'trace'), name: basename(trace) },
    cmdq: readJson(commands, 'command list'),
    ...(smmu !== undefined && { smmu }),
  });
  await writeWhole(out, [JSON.stringify(formatRecording(recording))]);
  return { report, playable: recording.playable };
}

/** Reads, imports and writes piece by piece: the trace may be larger than memory. */
async function importText(trace: string, { smmu = 0, out }: ImportFlags): Promise<Imported> {
  const bar = progressBar('importing');
  const ready: Recording['steps'][] = [];
  const importing = new TextImport({ name: basename(trace), smmu }, (steps) => ready.push(steps));
  const file = new RecordingText();
  let report: ImportReport | undefined;
  const texts = async function* (): AsyncGenerator<string> {
    for await (const piece of readTextStream(trace, 'trace', bar.update)) {
      importing.text(piece);
      for (let steps = ready.shift(); steps; steps = ready.shift()) yield* file.steps(steps);
    }
    const done = importing.finish();
    for (let steps = ready.shift(); steps; steps = ready.shift()) yield* file.steps(steps);
    yield file.end(done.recording);
    report = done.report;
  };
  await writeWhole(out, texts()).finally(bar.stop);
  if (report === undefined) throw new Error('the import wrote a recording without its end');
  return { report, playable: false };
}

function printReport(report: ImportReport, out: string, playable: boolean): void {
  const { lines, parsed, unknown, commands, translations, phases, inferred } = report;
  print(`${lines} lines, ${parsed} of known events`);
  for (const [event, n] of Object.entries(unknown)) {
    const places = report.unknownLines[event] ?? [];
    print(
      `  not known: ${event} × ${n} (line ${places.join(', ')}${n > places.length ? ' …' : ''})`,
    );
  }
  if (report.boots > 1) print(`${report.boots} boots: the machine was reset in between`);
  print(`${commands} commands, ${translations} translations, ${phases} phases`);
  for (const [what, n] of Object.entries(inferred)) print(`  inferred: ${what} × ${n}`);
  for (const finding of report.findings) print(`  disagrees: ${JSON.stringify(finding)}`);
  for (const note of report.notes) print(`  note: ${note}`);
  print(`wrote ${out}${playable ? '' : ' (not playable: no --cmdq)'}`);
}
