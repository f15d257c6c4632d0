import type { Command } from 'commander';
import type { AttachmentSpan, StoredCommit } from '@steward/ledger';
import { decodeEntry, oneLine } from '../decoded';
import { positionOf, withLedger, withReadModels } from '../ledger-access';
import { withLedgerOption } from '../options';
import { fanOut, type FanOutFlags } from './audit-fanout';
import { colour, print, printJsonLine, printTable } from '../output';

interface AttachmentFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly device?: string;
  readonly vm?: string;
  readonly at?: string;
}

export function auditCommand(program: Command): void {
  const audit = program.command('audit').description('questions to the log');
  withLedgerOption(audit.command('attachments'))
    .description('which device was attached to what, from when to when, by whom')
    .option('--device <id>', 'only this device')
    .option('--vm <id>', 'only devices held by this VM')
    .option('--at <position>', 'only what was in force at this commit')
    .action((flags: AttachmentFlags) => attachments(flags));
  withLedgerOption(audit.command('fanout'))
    .description('which commands each commit put on which SMMU, and what they removed')
    .option('--position <position>', 'only this commit')
    .option('--since <position>', 'from this commit on')
    .action((flags: FanOutFlags) => fanOut(flags));
  withLedgerOption(audit.command('commands'))
    .description('the command journal: who asked what, and the answer')
    .option('--rejected', 'only commands that were refused')
    .action((flags: { ledger: string; json?: boolean; rejected?: boolean }) => journal(flags));
}

async function attachments(flags: AttachmentFlags): Promise<void> {
  await withReadModels(flags.ledger, async ({ ledger, readModels }) => {
    const at = flags.at === undefined ? undefined : await positionOf(flags.at, ledger);
    const { device, vm } = flags;
    const spans = [
      ...readModels.attachments.find({
        ...(device !== undefined && { device }),
        ...(vm !== undefined && { vm }),
        ...(at !== undefined && { at }),
      }),
    ];
    if (flags.json) for (const span of spans) printJsonLine(span);
    else for (const span of spans) printSpan(span);
  });
}

function printSpan(span: AttachmentSpan): void {
  const end = span.toPosition === null ? 'now' : `${span.toPosition}`;
  const range = `commits ${span.fromPosition} to ${end}`;
  print(`${colour.bold(span.device)}  ${range}  ${span.kind} ${span.domain ?? ''}`);
  print(`  from ${span.fromAt} by ${span.actor}, command ${span.beganBy}`);
  if (span.toAt !== null) print(`  to   ${span.toAt}, command ${span.endedBy}`);
  print(`  VM ${span.vm ?? 'none (host)'}   VMID ${span.vmid ?? '-'}`);
  if (span.vste0 !== null) {
    const vste = [span.vste0, span.vste1 ?? '0x0'].map(BigInt);
    print(`  vSTE ${span.vste0} ${span.vste1}  ${oneLine(decodeEntry('ste', vste))}`);
  }
  if (span.ste !== null && span.ste.length > 0) {
    print(`  STE  ${span.ste.slice(0, 4).join(' ')}`);
    print(`       ${oneLine(decodeEntry('ste', span.ste.map(BigInt)))}`);
  }
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
