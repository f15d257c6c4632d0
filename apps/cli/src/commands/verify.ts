import type { Command } from 'commander';
import { compareWithCheckpoints, readArchive } from '@steward/ledger';
import type { CheckpointFinding, Ledger, Verification } from '@steward/ledger';
import { CliError, EXIT } from '../exit-codes';
import { withLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { signedCheckpoints } from './evidence';

interface VerifyFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly signedBy?: string;
  readonly archive?: readonly string[];
}

/** What `verify` found, with the checkpoints that were looked at. */
type Verified = Verification & { readonly checkpoints?: number };

export function verifyCommand(program: Command): void {
  withLedgerOption(program.command('verify'))
    .description('check the hash chain, gaps and digests; names the first bad commit')
    .option(
      '--signed-by <key>',
      'also compare with every checkpoint beside the ledger that this verifier key signed',
    )
    .option(
      '--archive <file...>',
      'also verify these archives, and that they hold what was archived from this ledger',
    )
    .action((flags: VerifyFlags) => run(flags));
}

async function run(flags: VerifyFlags): Promise<void> {
  const result = await withLedger(flags.ledger, 'read', ({ ledger }) => verified(ledger, flags));
  if (!result.ok) process.exitCode = EXIT.tampered;
  if (flags.json) printJson(result);
  else if (result.ok) {
    print(`ok: ${result.commits} commits${signedText(result)}`);
    for (const { host, commits, file, sha256 } of result.archived ?? [])
      print(`  of them ${commits} of ${host} are in an archive: ${file}, SHA-256 ${sha256}`);
  } else print(`BAD at commit ${result.firstBad?.position}: ${result.firstBad?.reason}`);
}

function signedText({ checkpoints }: Verified): string {
  return checkpoints === undefined ? '' : `, as ${checkpoints} signed checkpoints say`;
}

async function verified(
  ledger: Ledger,
  { ledger: file, signedBy, archive = [] }: VerifyFlags,
): Promise<Verified> {
  for (const path of archive) await assertArchiveOf(ledger, path);
  const signed = signedBy === undefined ? undefined : signedCheckpoints(file, signedBy);
  const found = await ledger.verify();
  // A log whose own hashes are wrong has no tree to compare.
  if (signed === undefined || !found.ok) return found;
  const findings = await compareWithCheckpoints(ledger, signed);
  const bad = findings.find(({ kind }) => kind !== 'agrees');
  const checkpoints = findings.length;
  if (bad === undefined) return { ...found, checkpoints };
  return { ok: false, commits: found.commits, firstBad: firstBadBy(bad), checkpoints };
}

/** @throws LedgerError, or CliError (tampering) when the archive is whole, but another than the ledger let go of. */
async function assertArchiveOf(ledger: Ledger, file: string): Promise<void> {
  const { host, sha256, commits } = await readArchive(file);
  const known = (await ledger.archives()).find((archive) => archive.host === host);
  if (known?.sha256 === sha256 && known.commits === commits) return;
  const why = known === undefined ? 'was archived from it' : 'is that archive';
  throw new CliError(EXIT.tampered, `${file}: nothing of ${host} in this ledger ${why}`);
}

/** The chain is whole, so it was written anew from some commit on, or its end was cut off. */
function firstBadBy(finding: CheckpointFinding): Verification['firstBad'] {
  if (finding.kind === 'missing') {
    const { size, commits } = finding;
    const reason = `${size} commits were signed, ${commits} are there`;
    return { position: commits + 1, reason };
  }
  const after = finding.kind === 'differs' ? finding.after : 0;
  const { size } = finding;
  const reason = `commits ${after + 1} to ${size} are not those that the checkpoint of ${size} commits signed`;
  return { position: after + 1, reason };
}
