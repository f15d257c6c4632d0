import type { Command } from 'commander';
import type { Ledger, StoredEvent } from '@steward/ledger';
import { aggregateNamed } from '../aggregate-name';
import { CliError, EXIT } from '../exit-codes';
import { rangeOf, withLedger } from '../ledger-access';
import type { CommitRange, RangeFlags } from '../ledger-access';
import { withLedgerOption } from '../options';
import { colour, print, printJsonLine } from '../output';

interface LogFlags extends RangeFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

export function logCommand(program: Command): void {
  withLedgerOption(program.command('log'))
    .description('list events, of everything or of one aggregate')
    .argument('[aggregate]', 'KIND/ID, e.g. device/strict-a.0010')
    .option('--since <position>', 'only from this commit on')
    .option('--until <position>', 'only up to this commit')
    .action((aggregate: string | undefined, flags: LogFlags) => run(aggregate, flags));
}

async function run(aggregate: string | undefined, flags: LogFlags): Promise<void> {
  if (aggregate !== undefined) aggregateNamed(aggregate);
  await withLedger(flags.ledger, 'read', async ({ ledger }) => {
    const range = await rangeOf(flags, ledger);
    let seen = 0;
    for await (const event of eventsOf(ledger, aggregate, range)) {
      seen++;
      if (flags.json) printJsonLine(jsonOf(event));
      else print(lineOf(event));
    }
    if (seen > 0 || aggregate === undefined) return;
    for await (const _ of ledger.stream(aggregate)) return; // It exists, only not in this range.
    throw new CliError(EXIT.notFound, `no events of ${aggregate} in ${flags.ledger}`);
  });
}

async function* eventsOf(
  ledger: Ledger,
  aggregate: string | undefined,
  { since, until }: CommitRange,
): AsyncIterable<StoredEvent> {
  if (aggregate === undefined) {
    for await (const commit of ledger.commits({ after: since - 1, until })) yield* commit.events;
    return;
  }
  for await (const event of ledger.stream(aggregate, { until })) {
    if (event.position >= since) yield event;
  }
}

function jsonOf({ words, ...event }: StoredEvent): object {
  return { ...event, ...(words && { wordBytes: words.length }) };
}

function lineOf(event: StoredEvent): string {
  const where = colour.dim(`${event.position}/${event.idx}`.padEnd(9));
  const fields = JSON.stringify(event.payload);
  const bulk = event.words ? ` + ${event.words.length / 8} words` : '';
  return `${where} ${event.stream.padEnd(28)} ${colour.bold(event.type)} ${fields}${bulk}`;
}
