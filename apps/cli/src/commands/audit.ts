import type { Command } from 'commander';
import type { StoredCommit } from '@steward/ledger';
import { withLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { attachments, type AttachmentFlags } from './audit-attachments';
import { fanOut, type FanOutFlags } from './audit-fanout';
import { stale, type StaleFlags } from './audit-stale';
import { printJsonLine, printTable } from '../output';

export function auditCommand(program: Command): void {
  const audit = program.command('audit').description('questions to the log');
  withLedgerOption(audit.command('attachments'))
    .description('which device was attached to what, from when to when, by whom')
    .option('--device <id>', 'only this device')
    .option('--vm <id>', 'only devices held by this VM')
    .option('--vsmmu <id>', 'only devices with a vDEVICE of this vSMMU')
    .option('--parent <id>', 'only what is on this stage-2 parent')
    .option('--gaps', 'also who had those devices in between')
    .option('--at <position>', 'only what was in force at this commit')
    .action((flags: AttachmentFlags) => attachments(flags));
  withLedgerOption(audit.command('fanout'))
    .description('which commands each commit put on which SMMU, and what they removed')
    .option('--position <position>', 'only this commit')
    .option('--since <position>', 'from this commit on')
    .option('--missing', 'also what each commit owed and did not do; replays the log up to there')
    .action((flags: FanOutFlags) => fanOut(flags));
  withLedgerOption(audit.command('stale'))
    .description('stale windows and stale uses; a page on every rule that was broken (exit 7)')
    .option('--vm <id>', 'only what is in words of this VM (broken rules are always shown)')
    .option('--since <position>', 'only what is found from this commit on')
    .option('--at <position>', 'up to this commit')
    .option('--state <file>', 'keeps how far it is, so that an interrupted audit goes on')
    .action((flags: StaleFlags) => stale(flags));
  withLedgerOption(audit.command('commands'))
    .description('the command journal: who asked what, and the answer')
    .option('--rejected', 'only commands that were refused')
    .action((flags: { ledger: string; json?: boolean; rejected?: boolean }) => journal(flags));
}

async function journal(flags: {
  ledger: string;
  json?: boolean;
  rejected?: boolean;
}): Promise<void> {
  await withLedger(flags.ledger, 'read', async ({ ledger }) => {
    const rows: string[][] = [];
    for await (const commit of ledger.commits()) {
      if (flags.rejected && commit.outcome.ok) continue;
      if (flags.json) printJsonLine(entryOf(commit));
      else rows.push(rowOf(commit));
    }
    if (!flags.json) printTable(['commit', 'actor', 'command', 'answer'], rows);
  });
}

function entryOf({ position, at, actor, commandId, command, outcome }: StoredCommit): object {
  return { position, at, actor, commandId, command, outcome };
}

function rowOf({ position, actor, command, outcome }: StoredCommit): string[] {
  const answer = outcome.ok ? 'accepted' : `${outcome.errno}: ${outcome.reason}`;
  return [String(position), actor, String(command['type']), answer];
}
