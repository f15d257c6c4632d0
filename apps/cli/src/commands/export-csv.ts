import { Argument, type Command } from 'commander';
import { fanOutOf } from '@steward/audit';
import type { Batch, FannedCommand, FanOut } from '@steward/audit';
import { csvTable } from '@steward/interop';
import type { CsvColumns } from '@steward/interop';
import type { AttachmentSpan, StoredCommit } from '@steward/ledger';
import { writeWhole } from '../files';
import { rangeOf, withReadModels } from '../ledger-access';
import type { CommitRange, OpenLedger, RangeFlags } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';

interface CsvFlags extends RangeFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly out: string;
}

const TABLES = {
  attachments: (open: OpenLedger, range: CommitRange) =>
    csvTable(ATTACHMENTS, spansIn(open, range)),
  commands: (open: OpenLedger, range: CommitRange) => csvTable(COMMANDS, commitsIn(open, range)),
  fanout: (open: OpenLedger, range: CommitRange) => csvTable(FANOUT, fannedIn(open, range)),
} as const;

export function exportCsvCommand(exports: Command): void {
  withLedgerOption(exports.command('csv'))
    .description('a table for a spreadsheet: attachments, commands (the journal) or fanout')
    .addArgument(new Argument('<table>', 'which one').choices(Object.keys(TABLES)))
    .requiredOption('--out <file>', 'file to write; packed when it ends in .gz')
    .option('--since <position>', 'only from this commit on')
    .option('--until <position>', 'only up to this commit')
    .action((table: keyof typeof TABLES, flags: CsvFlags) => run(table, flags));
}

async function run(table: keyof typeof TABLES, flags: CsvFlags): Promise<void> {
  await withReadModels(flags.ledger, async (open) => {
    const { since, until } = await rangeOf(flags, open.ledger);
    const bar = progressBar('exporting');
    let rows = -1; // The header is no row.
    const counted = async function* (): AsyncGenerator<string> {
      for await (const record of TABLES[table](open, { since, until })) {
        rows++;
        yield record;
      }
    };
    await writeWhole(flags.out, counted()).finally(bar.stop);
    if (flags.json) printJson({ out: flags.out, table, since, until, rows });
    else print(`wrote ${flags.out}: ${rows} rows of commits ${since} to ${until}`);
  });
}

function spansIn({ readModels }: OpenLedger, { since, until }: CommitRange): AttachmentSpan[] {
  return readModels.attachments
    .find()
    .filter((s) => s.fromPosition <= until && (s.toPosition ?? Infinity) >= since);
}

const ATTACHMENTS: CsvColumns<AttachmentSpan> = [
  ['spanId', (s) => s.spanId],
  ['device', (s) => s.device],
  ['pasid', (s) => s.pasid],
  ['vm', (s) => s.vm],
  ['kind', (s) => s.kind],
  ['domain', (s) => s.domain],
  ['parent', (s) => s.parent],
  ['vsmmu', (s) => s.vsmmu],
  ['vmid', (s) => s.vmid],
  ['asid', (s) => s.asid],
  ['ats', (s) => s.ats],
  ['vste0', (s) => s.vste0],
  ['vste1', (s) => s.vste1],
  ['ste', (s) => s.ste?.join(' ')],
  ['steBefore', (s) => s.steBefore?.join(' ')],
  ['actor', (s) => s.actor],
  ['command', (s) => s.command],
  ['fromPosition', (s) => s.fromPosition],
  ['fromAt', (s) => s.fromAt],
  ['beganBy', (s) => s.beganBy],
  ['toPosition', (s) => s.toPosition],
  ['toAt', (s) => s.toAt],
  ['endedBy', (s) => s.endedBy],
];

function commitsIn(
  { ledger }: OpenLedger,
  { since, until }: CommitRange,
): AsyncIterable<StoredCommit> {
  return ledger.commits({ after: since - 1, until });
}

const COMMANDS: CsvColumns<StoredCommit> = [
  ['position', (c) => c.position],
  ['host', (c) => c.host],
  ['at', (c) => c.at],
  ['actor', (c) => c.actor],
  ['commandId', (c) => c.commandId],
  ['causationId', (c) => c.causationId],
  ['command', (c) => String(c.command['type'])],
  ['body', (c) => JSON.stringify({ ...c.command, type: undefined })],
  ['ok', (c) => c.outcome.ok],
  ['errno', (c) => (c.outcome.ok ? null : c.outcome.errno)],
  ['code', (c) => (c.outcome.ok ? null : c.outcome.code)],
  ['reason', (c) => (c.outcome.ok ? null : c.outcome.reason)],
  ['hash', (c) => c.hash],
];

/** One command that an SMMU consumed, and where. */
interface Fanned {
  readonly commit: FanOut;
  readonly smmu: string;
  readonly batch: Batch;
  readonly batchIndex: number;
  readonly command: FannedCommand;
}

async function* fannedIn(
  { ledger, readModels }: OpenLedger,
  { since, until }: CommitRange,
): AsyncGenerator<Fanned> {
  for await (const stored of ledger.commits({ after: since - 1, until })) {
    const commit = fanOutOf(stored, [...readModels.effects.read(stored.position)]);
    for (const { smmu, batches } of commit?.smmus ?? []) {
      for (const [batchIndex, batch] of batches.entries()) {
        for (const command of batch.commands) {
          if (commit !== undefined) yield { commit, smmu, batch, batchIndex, command };
        }
      }
    }
  }
}

const FANOUT: CsvColumns<Fanned> = [
  ['position', ({ commit }) => commit.position],
  ['at', ({ commit }) => commit.at],
  ['actor', ({ commit }) => commit.actor],
  ['cause', ({ commit }) => commit.cause],
  ['causationId', ({ commit }) => commit.causationId],
  ['smmu', ({ smmu }) => smmu],
  ['batch', ({ batchIndex }) => batchIndex],
  ['synced', ({ batch }) => batch.synced],
  ['command', ({ command }) => command.name],
  ['word0', ({ command }) => command.words[0]],
  ['word1', ({ command }) => command.words[1]],
  ['origin', ({ command }) => command.origin],
  ['redundant', ({ command }) => command.redundant],
  ['removed', ({ command }) => removedText(command.removed)],
];

function removedText(removed: FannedCommand['removed']): string {
  return Object.entries(removed)
    .map(([kind, n]) => `${kind}=${n}`)
    .join(' ');
}
