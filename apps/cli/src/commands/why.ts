import type { Command } from 'commander';
import type { CachedQuestion } from '@steward/audit';
import {
  causesOf,
  consequencesOf,
  POSITION_FORMS,
  whyAnswer,
  whyCached,
  whyWords,
  type WordsQuestion,
} from '@steward/replay';
import type { Ledger, StoredEvent } from '@steward/ledger';
import { aggregateNamed } from '../aggregate-name';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withLedger, type OpenLedger } from '../ledger-access';
import { hexAddress, nonNegativeInteger, withLedgerOption } from '../options';
import { printJson } from '../output';
import { progressBar } from '../progress';
import {
  aggregateDocument,
  printAggregate,
  printCommitWhy,
  printWords,
  wordsDocument,
} from '../reports/why-report';
import { cachedDocument, printCached } from '../reports/why-cached-report';

interface WhyFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly at: string;
  readonly pasid?: number;
}

export function whyCommand(program: Command): void {
  const why = program
    .command('why')
    .description('the chain from what is so back to the commits and commands that made it so');
  withLedgerOption(why.command('commit'))
    .description('what caused a commit, what its answer followed from, and what it caused')
    .argument('<position>', POSITION_FORMS)
    .action((position: string, flags: WhyFlags) => whyCommit(position, flags));
  withAt(why.command('aggregate'))
    .description('the event that last changed an aggregate')
    .argument('<aggregate>', 'KIND/ID, e.g. device/strict-a.0010')
    .action((aggregate: string, flags: WhyFlags) => whyAggregate(aggregate, flags));
  withAt(why.command('ste'))
    .description('the STE in force for a device, word by word')
    .argument('<device>', 'e.g. strict-a.0010')
    .action((device: string, flags: WhyFlags) => words({ kind: 'ste', device }, flags));
  withAt(why.command('vste'))
    .description("a device's STE in its guest's own stream table")
    .argument('<device>', 'e.g. strict-a.0010')
    .action((device: string, flags: WhyFlags) => words({ kind: 'vste', device }, flags));
  withAt(why.command('cd'))
    .description("a device's context descriptor")
    .argument('<device>', 'e.g. strict-a.0010')
    .option('--pasid <n>', 'of traffic with this PASID', nonNegativeInteger)
    .action((device: string, flags: WhyFlags) =>
      words({ kind: 'cd', device, ...pasidOf(flags) }, flags),
    );
  withAt(why.command('translation'))
    .description('where an address leads for a device, and every word on the way')
    .argument('<device>', 'e.g. strict-a.0010')
    .argument('<iova>', 'address in hex', hexAddress)
    .option('--pasid <n>', 'with this PASID', nonNegativeInteger)
    .action((device: string, iova: bigint, flags: WhyFlags) =>
      words({ kind: 'translation', device, iova, ...pasidOf(flags) }, flags),
    );
  withAt(why.command('cached'))
    .description('what is cached for a device, the words it was made from, and who wrote those')
    .argument('<device>', 'e.g. strict-a.0010')
    .argument(
      '[iova]',
      'address in hex: what translates it; without it, the STE and CDs',
      hexAddress,
    )
    .action((device: string, iova: bigint | undefined, flags: WhyFlags) =>
      cached({ device, ...(iova !== undefined && { iova }) }, flags),
    );
  withAt(why.command('word'))
    .description("a word of a host's memory")
    .argument('<host>', 'e.g. host0')
    .argument('<pa>', 'physical address in hex, a multiple of 8', hexAddress)
    .action((host: string, pa: bigint, flags: WhyFlags) => {
      if (pa % 8n !== 0n) throw new CliError(EXIT.usage, 'a word begins at a multiple of 8');
      return words({ kind: 'word', host, pa: Number(pa) }, flags);
    });
}

function withAt(command: Command): Command {
  return withLedgerOption(command).option('--at <position>', 'after this commit', 'latest');
}

function pasidOf({ pasid }: WhyFlags): { readonly pasid?: number } {
  return pasid === undefined ? {} : { pasid };
}

async function cached(question: CachedQuestion, flags: WhyFlags): Promise<void> {
  await explaining(flags, async (open, at, progress) => {
    const found = await whyCached(open, question, { at, progress });
    return () =>
      flags.json
        ? printJson(cachedDocument(found, question, at))
        : printCached(found, question, at);
  });
}

async function words(question: WordsQuestion, flags: WhyFlags): Promise<void> {
  await explaining(flags, async (open, at, progress) => {
    const found = await whyWords(open, question, { at, progress });
    return () =>
      flags.json ? printJson(wordsDocument(found, question, at)) : printWords(found, question, at);
  });
}

/** Shows progress while an answer is looked for, and then what it says. */
async function explaining(
  flags: WhyFlags,
  ask: (open: OpenLedger, at: number, progress: (position: number) => void) => Promise<() => void>,
): Promise<void> {
  await withLedger(flags.ledger, 'read', async (open) => {
    const at = await positionOf(flags.at, open.ledger);
    const bar = progressBar('reading');
    const show = await ask(open, at, (done) => bar.update(done, at)).finally(bar.stop);
    show();
  });
}

async function whyCommit(text: string, flags: WhyFlags): Promise<void> {
  await withLedger(flags.ledger, 'read', async (open) => {
    const { ledger } = open;
    const position = await positionOf(text, ledger);
    const commit = await ledger.commit(position);
    if (commit === undefined) throw new CliError(EXIT.notFound, `no commit ${text}`);
    const [, ...causes] = await causesOf(ledger, position);
    const bar = progressBar('reading');
    const show = (done: number): void => bar.update(done, position);
    const looked = await whyAnswer(open, commit, show).finally(bar.stop);
    const consequence = await consequencesOf(ledger, position);
    const found = { position, causes, looked, consequence };
    if (flags.json) printJson(found);
    else printCommitWhy(found);
  });
}

async function whyAggregate(text: string, flags: WhyFlags): Promise<void> {
  const { kind, id } = aggregateNamed(text);
  await withLedger(flags.ledger, 'read', async ({ ledger }) => {
    const at = await positionOf(flags.at, ledger);
    const event = await lastEvent(ledger, `${kind}/${id}`, at);
    if (event === undefined) throw new CliError(EXIT.notFound, `no ${text} at commit ${at}`);
    const causes = await causesOf(ledger, event.position);
    if (flags.json) printJson(aggregateDocument(event, causes, at));
    else printAggregate(event, causes, at);
  });
}

async function lastEvent(
  ledger: Ledger,
  stream: string,
  until: number,
): Promise<StoredEvent | undefined> {
  let last: StoredEvent | undefined;
  for await (const event of ledger.stream(stream, { until })) last = event;
  return last;
}
