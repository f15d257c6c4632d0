import type { Command } from 'commander';
import type { Ledger } from '@steward/ledger';
import { difference, States } from '@steward/replay';
import type { Difference, Selection, View, ViewObject } from '@steward/replay';
import { aggregateNamed } from '../aggregate-name';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withLedger, type OpenLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { colour, print, printJson } from '../output';
import { progressBar } from '../progress';

interface DiffFlags {
  readonly ledger: string;
  readonly json?: boolean;
}

export function diffCommand(program: Command): void {
  withLedgerOption(program.command('diff'))
    .description('what changed between two positions: aggregates, and the STEs of devices by field')
    .argument('<range>', 'P1..P2, e.g. 120..latest')
    .argument('[aggregate]', 'KIND/ID, e.g. device/strict-a.0010; everything without it')
    .action((range: string, aggregate: string | undefined, flags: DiffFlags) =>
      run(range, aggregate, flags),
    );
}

async function run(range: string, aggregate: string | undefined, flags: DiffFlags): Promise<void> {
  const selection = aggregate === undefined ? {} : aggregateNamed(aggregate);
  await withLedger(flags.ledger, 'read', async (open) => {
    const [from, to] = await boundsOf(range, open.ledger);
    const [before, after] = await viewsAt(open, selection, [from, to]);
    if (aggregate !== undefined && !(aggregate in before) && !(aggregate in after)) {
      throw new CliError(EXIT.notFound, `no ${aggregate} at commit ${from} or ${to}`);
    }
    const changes = difference(before, after);
    if (flags.json) printJson({ from, to, ...changes });
    else printChanges(changes, from, to);
  });
}

async function boundsOf(range: string, ledger: Ledger): Promise<[number, number]> {
  const [, first, second] = /^(.+?)\.\.(.+)$/.exec(range) ?? [];
  if (first === undefined || second === undefined) {
    throw new CliError(EXIT.usage, `"${range}" is no range: expected P1..P2`);
  }
  return [await positionOf(first, ledger), await positionOf(second, ledger)];
}

/** The views at two positions; the second may lie before the first. */
async function viewsAt(
  open: OpenLedger,
  selection: Selection,
  positions: readonly [number, number],
): Promise<[ViewObject, ViewObject]> {
  const states = new States(open, selection);
  const last = Math.max(...positions);
  const found = new Map<number, ViewObject>();
  const bar = progressBar('reading');
  try {
    for (const position of [...positions].sort((a, b) => a - b)) {
      await states.moveTo(position, (done) => bar.update(done, last));
      const members = [...states.views()].map(([stream, view]) => [stream, view.state] as const);
      found.set(position, Object.fromEntries(members));
    }
  } finally {
    bar.stop();
  }
  return [found.get(positions[0]) ?? {}, found.get(positions[1]) ?? {}];
}

function printChanges({ added, updated, removed }: Difference, from: number, to: number): void {
  const show = (value: View): string => JSON.stringify(value);
  for (const [stream, view] of Object.entries(added)) {
    print(`${colour.green(`+ ${stream}`)} ${show(view)}`);
  }
  for (const [stream, changes] of Object.entries(updated)) {
    print(colour.bold(`  ${stream}`));
    for (const [path, [before, after]] of Object.entries(changes)) {
      print(`      ${path}: ${show(before)} → ${show(after)}`);
    }
  }
  for (const [stream, view] of Object.entries(removed)) {
    print(`${colour.red(`- ${stream}`)} ${show(view)}`);
  }
  if (Object.keys({ ...added, ...updated, ...removed }).length === 0) {
    print(`nothing changed between commits ${from} and ${to}`);
  }
}
