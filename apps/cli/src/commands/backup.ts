import { copyFileSync } from 'node:fs';
import type { Command } from 'commander';
import { backUp, isBundle, restore, snapshotFile } from '@steward/ledger';
import type { Copied } from '@steward/ledger';
import { migrations } from '../files';
import { withBundle } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';

interface CopyFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

interface RestoreFlags extends CopyFlags {
  readonly trustSnapshots?: boolean;
}

export function backupCommands(program: Command): void {
  withLedgerOption(program.command('backup'))
    .description('copy the ledger, which may be in use, and verify the copy')
    .argument('<file>', 'file to write; it must not exist')
    .action(async (to: string, { ledger: from, json }: CopyFlags) =>
      report(await backUp({ from, to, migrations: migrations() }), json),
    );
  withLedgerOption(program.command('restore'))
    .description('make a ledger, which must not exist, of a backup or bundle that verifies')
    .argument('<file>', 'a backup or a bundle')
    .option('--trust-snapshots', 'also take the snapshots of a bundle, which nothing proves')
    .action(async (from: string, { ledger: to, json, trustSnapshots }: RestoreFlags) =>
      report(await restored(from, to, trustSnapshots === true), json),
    );
}

function restored(from: string, to: string, trustSnapshots: boolean): Promise<Copied> {
  if (!isBundle(from)) return restore({ from, to, migrations: migrations() });
  return withBundle(from, async ({ ledger, snapshots }) => {
    const copied = await restore({ from: ledger, to, migrations: migrations() });
    if (trustSnapshots && snapshots !== undefined) copyFileSync(snapshots, snapshotFile(to));
    return copied;
  });
}

function report(copied: Copied, json: boolean | undefined): void {
  if (json) return printJson(copied);
  const { file, commits, hash, checkpoints } = copied;
  const head = hash === undefined ? '' : `, the last with hash ${hash}`;
  print(
    `${file}: ${commits} commits verified${head}${checkpoints ? '; checkpoints beside it' : ''}`,
  );
}
