import type { Command } from 'commander';
import { writeBundle } from '@steward/ledger';
import { migrations } from '../files';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';

interface BundleFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly snapshots?: boolean;
}

export function bundleCommand(program: Command): void {
  withLedgerOption(program.command('bundle'))
    .description(
      'pack the ledger with its checkpoints into one file that `--ledger` opens elsewhere, to be read',
    )
    .argument('<file>', 'file to write (a packed tar); it must not exist')
    .option('--snapshots', 'also pack the snapshots beside the ledger')
    .action((file: string, flags: BundleFlags) => run(file, flags));
}

async function run(bundle: string, { ledger, json, snapshots }: BundleFlags): Promise<void> {
  const manifest = await writeBundle({
    ...{ ledger, bundle, snapshots: snapshots === true },
    migrations: migrations(),
  });
  if (json) return printJson({ bundle, ...manifest });
  print(`${bundle}: ${manifest.commits} commits verified`);
  for (const { name, bytes, sha256 } of manifest.files)
    print(`  ${name}  ${bytes} bytes  ${sha256}`);
}
