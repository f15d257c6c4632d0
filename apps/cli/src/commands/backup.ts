import { join } from 'node:path';
import type { Command } from 'commander';
import { backUp, restore } from '@steward/ledger';
import type { Copied } from '@steward/ledger';
import { projectRoot } from '../files';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';

interface CopyFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

export function backupCommands(program: Command): void {
  withLedgerOption(program.command('backup'))
    .description('copy the ledger, which may be in use, and verify the copy')
    .argument('<file>', 'file to write; it must not exist')
    .action(async (to: string, { ledger: from, json }: CopyFlags) =>
      report(await backUp({ from, to, migrations: migrations() }), json),
    );
  withLedgerOption(program.command('restore'))
    .description('make a ledger, which must not exist, of a backup that verifies')
    .argument('<file>', 'a backup')
    .action(async (from: string, { ledger: to, json }: CopyFlags) =>
      report(await restore({ from, to, migrations: migrations() }), json),
    );
}

const migrations = (): string => join(projectRoot(), 'migrations');

function report(copied: Copied, json: boolean | undefined): void {
  if (json) return printJson(copied);
  const { file, commits, hash, checkpoints } = copied;
  const head = hash === undefined ? '' : `, the last with hash ${hash}`;
  print(
    `${file}: ${commits} commits verified${head}${checkpoints ? '; checkpoints beside it' : ''}`,
  );
}
