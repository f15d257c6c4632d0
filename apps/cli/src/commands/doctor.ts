import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { examine } from '@steward/ledger';
import { CliError, EXIT } from '../exit-codes';
import { migrations } from '../files';
import { withLedgerOption } from '../options';
import { colour, print, printJson } from '../output';

interface DoctorFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

export function doctorCommand(program: Command): void {
  withLedgerOption(program.command('doctor'))
    .description(
      'look at everything the ledger needs: SQLite, schema, write-ahead log, durability, disk, hashes',
    )
    .action((flags: DoctorFlags) => run(flags));
}

async function run({ ledger, json }: DoctorFlags): Promise<void> {
  if (!existsSync(ledger)) throw new CliError(EXIT.notFound, `${ledger}: no such ledger`);
  const checks = await examine({ file: ledger, migrations: migrations() });
  const ok = checks.every((check) => check.ok);
  if (checks.some(({ code }) => code === 'tampered')) process.exitCode = EXIT.tampered;
  else if (!ok) process.exitCode = EXIT.failed;
  if (json) return printJson({ ledger, ok, checks });
  for (const { check, ok: isFine, detail } of checks) {
    print(`${isFine ? 'ok  ' : colour.bold('BAD ')} ${check.padEnd(16)} ${detail}`);
  }
}
