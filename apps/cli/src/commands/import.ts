import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatRecording } from '@steward/guest';
import { importQemuTrace } from '@steward/interop';
import type { ImportReport } from '@steward/interop';
import { readJson, readText, writeWhole } from '../files';
import { nonNegativeInteger, withJsonOption } from '../options';
import { print, printJson } from '../output';

interface ImportFlags {
  readonly cmdq?: string;
  readonly smmu?: number;
  readonly out: string;
  readonly json?: boolean;
}

export function importCommand(program: Command): void {
  const imports = program
    .command('import')
    .description('turn what others recorded into recordings');
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
}

async function run(trace: string, flags: ImportFlags): Promise<void> {
  const text = readText(trace, 'trace');
  const cmdq = flags.cmdq === undefined ? {} : { cmdq: readJson(flags.cmdq, 'command list') };
  const smmu = flags.smmu === undefined ? {} : { smmu: flags.smmu };
  const { recording, report } = importQemuTrace({
    ...{ trace: text, name: basename(trace) },
    ...cmdq,
    ...smmu,
  });
  await writeWhole(flags.out, [JSON.stringify(formatRecording(recording))]);
  if (flags.json) printJson({ out: flags.out, playable: recording.playable, ...report });
  else printReport(report, flags.out, recording.playable);
}

function printReport(report: ImportReport, out: string, playable: boolean): void {
  const { lines, parsed, unknown, commands, translations, phases, inferred } = report;
  print(`${lines} lines, ${parsed} of known events`);
  for (const [event, n] of Object.entries(unknown)) print(`  not known: ${event} × ${n}`);
  print(`${commands} commands, ${translations} translations, ${phases} phases`);
  for (const [what, n] of Object.entries(inferred)) print(`  inferred: ${what} × ${n}`);
  for (const finding of report.findings) print(`  disagrees: ${JSON.stringify(finding)}`);
  for (const note of report.notes) print(`  note: ${note}`);
  print(`wrote ${out}${playable ? '' : ' (not playable: no --cmdq)'}`);
}
