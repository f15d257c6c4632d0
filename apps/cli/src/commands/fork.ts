import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { ForkResult } from '@steward/control';
import { CHANGE_FORMS, parseChange, parseInsertions, POSITION_FORMS } from '@steward/replay';
import type { Change, Edits } from '@steward/replay';
import { CliError, EXIT } from '../exit-codes';
import { readText } from '../files';
import { positionOf, withControl, withReadModels, type OpenLedger } from '../ledger-access';
import { nonNegativeInteger, positiveInteger, withLedgerOption } from '../options';
import { printJson } from '../output';
import { progressBar } from '../progress';
import { printForkReport } from '../reports/fork-report';

interface ForkFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly at: string;
  readonly out: string;
  readonly policy: readonly Change[];
  readonly without: readonly number[];
  readonly insert?: string;
  readonly move: readonly (readonly [number, number])[];
  readonly limit: number;
}

export function forkCommand(program: Command): void {
  withLedgerOption(program.command('fork'))
    .description('another history from a commit on: the same commands decided anew, side by side')
    .requiredOption('--at <position>', `the last commit that both share: ${POSITION_FORMS}`)
    .requiredOption('--out <file>', 'ledger to write the other history to')
    .option('--policy <key=value...>', CHANGE_FORMS, collect(parseChange), [])
    .option(
      '--without <position...>',
      'leave out this command from outside, and what it led to',
      collect(positiveInteger),
      [],
    )
    .option(
      '--insert <file>',
      'NDJSON of commands to insert: {after, actor, host?, command, words?}',
    )
    .option(
      '--move <position:after...>',
      'put a command from outside right after another',
      collect(move),
      [],
    )
    .option('--limit <n>', 'differences to print; --json has all', nonNegativeInteger, 10)
    .action((flags: ForkFlags) => run(flags));
}

/** For an option that may be given several times. */
function collect<T>(parse: (text: string) => T): (text: string, before: readonly T[]) => T[] {
  return (text, before) => [...before, parse(text)];
}

function move(text: string): readonly [number, number] {
  const [, position, after] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (position === undefined)
    throw new InvalidArgumentError('expected POSITION:AFTER, e.g. 40:52.');
  return [Number(position), Number(after)];
}

async function run(flags: ForkFlags): Promise<void> {
  const edits: Edits = {
    changes: flags.policy,
    without: new Set(flags.without),
    inserted:
      flags.insert === undefined ? [] : parseInsertions(readText(flags.insert, 'insertion')),
    moved: new Map(flags.move),
  };
  if (existsSync(flags.out)) {
    throw new CliError(
      EXIT.refused,
      `${flags.out} exists already: a fork needs a ledger of its own`,
    );
  }
  await withReadModels(flags.ledger, async (original) => {
    const at = await positionOf(flags.at, original.ledger);
    const result = await forked(original, flags.out, { at, edits });
    const report = reportOf(result, flags, at);
    if (flags.json) printJson(report);
    else printForkReport(report, flags.limit);
  });
}

/** Writes the fork; nothing of it is left when that fails. */
async function forked(
  { readModels, ...history }: OpenLedger,
  out: string,
  { at, edits }: { readonly at: number; readonly edits: Edits },
): Promise<ForkResult> {
  const { ForkRunner, HeldClock } = await import('@steward/control');
  const clock = new HeldClock();
  const bar = progressBar('deciding anew');
  const effectsOf = (position: number) => readModels.effects.read(position);
  try {
    return await withControl(
      out,
      'create',
      (app) => app.get(ForkRunner).run({ ...history, effectsOf }, { at, edits, clock }, bar.update),
      clock.read,
    );
  } catch (error) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${resolve(out)}${suffix}`, { force: true });
    throw error;
  } finally {
    bar.stop();
  }
}

export type ForkReport = ReturnType<typeof reportOf>;

function reportOf(
  { kept, positions, comparison, digest }: ForkResult,
  flags: ForkFlags,
  at: number,
) {
  const { causes, differences, rows, totals, same } = comparison;
  return {
    ...{ ledger: flags.ledger, out: flags.out, at, kept, positions },
    policy: flags.policy.map(({ text }) => text),
    ...{ causes, first: differences[0] ?? null, differences },
    counts: { same, different: differences.length, rows },
    ...{ totals, digest },
  };
}
