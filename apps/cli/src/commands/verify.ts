import type { Command } from 'commander';
import { EXIT } from '../exit-codes';
import { withLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';

interface VerifyFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

export function verifyCommand(program: Command): void {
  withLedgerOption(program.command('verify'))
    .description('check the hash chain, gaps and digests; names the first bad commit')
    .action((flags: VerifyFlags) => run(flags));
}

async function run(flags: VerifyFlags): Promise<void> {
  const result = await withLedger(flags.ledger, 'read', ({ ledger }) => ledger.verify());
  if (!result.ok) process.exitCode = EXIT.tampered;
  if (flags.json) printJson(result);
  else if (result.ok) print(`ok: ${result.commits} commits`);
  else print(`BAD at commit ${result.firstBad?.position}: ${result.firstBad?.reason}`);
}
