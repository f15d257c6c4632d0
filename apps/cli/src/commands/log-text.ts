import { existsSync, renameSync, rmSync } from 'node:fs';
import type { Command } from 'commander';
import { exportLog, importLog, ReadModels, SqliteLedger } from '@steward/ledger';
import type { LogEnd, RecordedDigest } from '@steward/ledger';
import { CliError, EXIT } from '../exit-codes';
import { migrations, readTextStream, writeWhole } from '../files';
import { withLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';

interface ExportFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly out: string;
}

/** `export ndjson`: a subcommand of `export`. */
export function exportLogCommand(exports: Command): void {
  withLedgerOption(exports.command('ndjson'))
    .description(
      'the log as text, a commit a line, from which `import ndjson` makes the same ledger',
    )
    .requiredOption('--out <file>', 'file to write; packed when it ends in .gz')
    .action((flags: ExportFlags) => write(flags));
}

/** `import ndjson`: a subcommand of `import`. */
export function importLogCommand(imports: Command): void {
  withLedgerOption(imports.command('ndjson'))
    .description('make a new ledger of what `export ndjson` wrote, with the same hashes')
    .argument('<file>', 'text, plain or .gz')
    .action((file: string, flags: { ledger: string; json?: boolean }) => read(file, flags));
}

async function write({ ledger: file, out, json }: ExportFlags): Promise<void> {
  const bar = progressBar('exporting');
  const commits = await withLedger(file, 'read', async ({ ledger, readModels }) => {
    const latest = await ledger.latest();
    let lines = 0;
    const counted = async function* (): AsyncGenerator<string> {
      for await (const line of exportLog(ledger, readModels.digests.all())) {
        yield line;
        bar.update(Math.min(++lines, latest), latest);
      }
    };
    await writeWhole(out, counted()).finally(bar.stop);
    return latest;
  });
  if (json) printJson({ out, commits });
  else print(`wrote ${out}: ${commits} commits`);
}

async function read(text: string, flags: { ledger: string; json?: boolean }): Promise<void> {
  const { ledger: file, json } = flags;
  if (existsSync(file))
    throw new CliError(EXIT.refused, `${file} exists; import makes a new ledger`);
  const end = await intoNewLedger(file, text);
  if (json) printJson({ ledger: file, ...end });
  else print(`${file}: ${end.commits} commits, the last with hash ${end.hash}`);
}

/** The ledger gets its name when it is whole. */
async function intoNewLedger(file: string, text: string): Promise<LogEnd> {
  const part = `${file}.part`;
  const clear = (): void => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${part}${suffix}`, { force: true });
  };
  clear();
  const bar = progressBar('importing');
  try {
    const end = await filled(part, readTextStream(text, 'export', bar.update));
    renameSync(part, file);
    return end;
  } finally {
    bar.stop();
    clear();
  }
}

async function filled(file: string, text: AsyncIterable<string>): Promise<LogEnd> {
  const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode: 'create' });
  try {
    const readModels = ReadModels.open({ file, migrations: migrations(), mode: 'write' });
    const record = (recorded: readonly RecordedDigest[]): void =>
      readModels.transaction(() => recorded.forEach((one) => readModels.digests.record(one)));
    try {
      return await importLog({ ledger, record }, text);
    } finally {
      readModels.close();
    }
  } finally {
    await ledger.close();
  }
}
