import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { AskedFork, ForkResult } from '@steward/control';
import type { Ledger } from '@steward/ledger';
import { CHANGE_FORMS, parseChange, parseInsertions, POSITION_FORMS } from '@steward/replay';
import type { Change, Edits } from '@steward/replay';
import { readText } from '../files';
import { ForkFiles } from '../fork-files';
import {
  positionOf,
  withControl,
  withLedger,
  withReadModels,
  type OpenLedger,
} from '../ledger-access';
import { nonNegativeInteger, positiveInteger, withLedgerOption } from '../options';
import { printJson, say } from '../output';
import { progressBar } from '../progress';
import { printForkReport } from '../reports/fork-report';

/** What a shell makes of a SIGINT. */
const EXIT_INTERRUPTED = 130;

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
  const inserted = flags.insert === undefined ? '' : readText(flags.insert, 'insertion');
  const edits: Edits = {
    changes: flags.policy,
    without: new Set(flags.without),
    inserted: inserted === '' ? [] : parseInsertions(inserted),
    moved: new Map(flags.move),
  };
  await withReadModels(flags.ledger, async (original) => {
    const at = await positionOf(flags.at, original.ledger);
    const files = new ForkFiles(flags.out, {
      ...{ ledger: resolve(flags.ledger), at, inserted },
      policy: flags.policy.map(({ text }) => text).join(' '),
      ...{ without: flags.without.join(' '), move: flags.move.join(' ') },
    });
    const report = reportOf(await forked(original, files, { at, edits }), flags, at);
    if (flags.json) printJson(report);
    else printForkReport(report, flags.limit);
  });
}

/** Writes the fork, or goes on with one that was interrupted; nothing of it is left when that fails. */
async function forked(
  original: OpenLedger,
  files: ForkFiles,
  asked: { readonly at: number; readonly edits: Edits },
): Promise<ForkResult> {
  const before = await files.begin();
  const interrupt = (): void => {
    say('interrupted; the same command goes on from here');
    process.exit(EXIT_INTERRUPTED);
  };
  process.once('SIGINT', interrupt);
  try {
    const write = (interrupted?: Ledger): Promise<ForkResult> =>
      decidedAnew(original, files.part, { ...asked, ...(interrupted && { interrupted }) });
    const result = await (before === undefined
      ? write()
      : withLedger(before, 'read', ({ ledger }) => write(ledger)));
    files.finish();
    return result;
  } catch (error) {
    files.discard();
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function decidedAnew(
  { readModels, ...history }: OpenLedger,
  part: string,
  asked: Omit<AskedFork, 'clock'>,
): Promise<ForkResult> {
  const { ForkRunner, HeldClock } = await import('@steward/control');
  const clock = new HeldClock();
  const bar = progressBar('deciding anew');
  const original = { ...history, effectsOf: (p: number) => readModels.effects.read(p) };
  try {
    return await withControl(
      part,
      'create',
      (app) => app.get(ForkRunner).run(original, { ...asked, clock }, bar.update),
      clock.read,
    );
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
