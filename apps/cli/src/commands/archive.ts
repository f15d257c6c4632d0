import type { Command } from 'commander';
import {
  archiveHost,
  parseVerifierKey,
  readArchive,
  restoreArchive,
  signCheckpoint,
} from '@steward/ledger';
import type { CheckedArchive, Ledger } from '@steward/ledger';
import { CliError, EXIT } from '../exit-codes';
import { migrations } from '../files';
import { withLedger } from '../ledger-access';
import { withJsonOption, withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { readKey } from './evidence';

export function archiveCommands(program: Command): void {
  withLedgerOption(program.command('archive'))
    .description('move the commits of a closed host out of the ledger, which still verifies')
    .requiredOption('--host <id>', 'a host that `steward close` closed')
    .requiredOption('--out <file>', 'the archive to write')
    .option('--key <file>', 'sign the tree over all commits with a key made by `steward key`')
    .action((flags: ArchiveFlags) => archive(flags));
  withLedgerOption(program.command('unarchive'))
    .description('put an archived host back into the ledger it came from')
    .argument('<file>', 'the archive')
    .action((file: string, flags: LedgerFlags) => unarchive(file, flags));
  withJsonOption(program.command('check-archive').argument('<file>', 'the archive'))
    .description('verify an archive by itself: no ledger is needed')
    .option('--signed-by <key>', 'its tree must be signed by this verifier key')
    .action((file: string, flags: CheckFlags) => check(file, flags));
}

interface LedgerFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

interface ArchiveFlags extends LedgerFlags {
  readonly host: string;
  readonly out: string;
  readonly key?: string;
}

interface CheckFlags {
  readonly json?: boolean;
  readonly signedBy?: string;
}

async function archive({ ledger, host, out, key, json }: ArchiveFlags): Promise<void> {
  const signer = key === undefined ? undefined : readKey(key);
  await withLedger(ledger, 'read', (open) => assertClosed(open.ledger, host));
  const archived = await archiveHost({
    ...{ ledger, host, out, migrations: migrations(), at: new Date().toISOString() },
    ...(signer && {
      sign: (tree) => signCheckpoint({ origin: signer.name, ...tree }, signer),
    }),
  });
  report(archived, out, json);
}

/** @throws CliError when the host is not there, or may still take commits. */
async function assertClosed(ledger: Ledger, host: string): Promise<void> {
  // One that is archived already was closed then.
  if ((await ledger.archives()).some((known) => known.host === host)) return;
  let last: string | undefined;
  for await (const { type } of ledger.stream(`host/${host}`)) last = type;
  if (last === undefined) throw new CliError(EXIT.notFound, `no host ${host} in the ledger`);
  if (last === 'HostClosed') return;
  const how = `\`steward close --host ${host}\` closes it`;
  throw new CliError(EXIT.refused, `${host} is open, and only a closed host is archived; ${how}`);
}

async function unarchive(file: string, { ledger, json }: LedgerFlags): Promise<void> {
  report(await restoreArchive({ ledger, archive: file, migrations: migrations() }), file, json);
}

async function check(file: string, { signedBy, json }: CheckFlags): Promise<void> {
  const key = signedBy === undefined ? undefined : parseVerifierKey(signedBy);
  const archived = await readArchive(file, key && { signedBy: key });
  if (archived.signed === false) {
    throw new CliError(EXIT.tampered, `${file}: its tree is not signed by ${key?.name}`);
  }
  report(archived, file, json);
}

function report(archived: CheckedArchive, file: string, json: boolean | undefined): void {
  const { root: bytes, streams, ...rest } = archived;
  const root = Buffer.from(bytes).toString('base64');
  if (json) return printJson({ archive: file, ...rest, streams: streams.size, root });
  const { host, commits, events, first, last, size, sha256 } = archived;
  print(`${file}: ${commits} commits of ${host} (${first} to ${last}), ${events} events`);
  print(`  all in the tree of ${size} commits, root ${root}`);
  print(`  SHA-256 ${sha256}`);
}
