import type { Command } from 'commander';
import { AGGREGATE_KINDS } from '@steward/domain';
import type { AggregateKind } from '@steward/domain';
import { States } from '@steward/replay';
import type { AggregateView, Selection, View } from '@steward/replay';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withLedger, type OpenLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { colour, print, printJson } from '../output';
import { progressBar } from '../progress';

interface GetFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly at: string;
}

export function getCommand(program: Command): void {
  withLedgerOption(program.command('get'))
    .description('the state of an aggregate, or of all of a kind, at a position')
    .argument('<kind>', AGGREGATE_KINDS.join(', '))
    .argument('[id]', 'e.g. strict-a.0010; all of the kind without it')
    .option('--at <position>', 'the state after this commit', 'latest')
    .action((kind: string, id: string | undefined, flags: GetFlags) => run(kind, id, flags));
}

async function run(kind: string, id: string | undefined, flags: GetFlags): Promise<void> {
  const selection = { kind: kindOf(kind), ...(id !== undefined && { id }) };
  await withLedger(flags.ledger, 'read', async (open) => {
    const position = await positionOf(flags.at, open.ledger);
    const states = await statesAt(open, selection, position);
    const views = [...states.views().values()];
    if (id !== undefined && views.length === 0) {
      throw new CliError(EXIT.notFound, `no ${kind} ${id} at commit ${position}`);
    }
    if (flags.json) {
      printJson(id === undefined ? { position, kind, items: views } : { position, ...views[0] });
    } else for (const view of views) printView(view, position);
  });
}

function kindOf(text: string): AggregateKind {
  const kind = AGGREGATE_KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  throw new CliError(EXIT.usage, `"${text}" is no kind: one of ${AGGREGATE_KINDS.join(', ')}`);
}

async function statesAt(open: OpenLedger, selection: Selection, position: number): Promise<States> {
  const states = new States(open, selection);
  const bar = progressBar('reading');
  await states.moveTo(position, (done) => bar.update(done, position)).finally(bar.stop);
  return states;
}

function printView({ kind, id, version, changedAt, state }: AggregateView, at: number): void {
  print(`${colour.bold(`${kind}/${id}`)}  at commit ${at}: version ${version}, from ${changedAt}`);
  printMembers(state, '  ');
}

/** A member a line; what has members of its own is indented below its name. */
function printMembers(value: View, indent: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const name = Array.isArray(value) ? '-' : key;
    if (isFlat(member)) print(`${indent}${name} ${flat(member)}`);
    else {
      print(`${indent}${name}`);
      printMembers(member, `${indent}  `);
    }
  }
}

function isFlat(value: View): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((member) => typeof member !== 'object' || member === null);
}

function flat(value: View): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.join(' ');
  return Object.entries(value)
    .map(([key, member]) => `${key}=${String(member)}`)
    .join(' ');
}
