import { spawnSync } from 'node:child_process';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import {
  bisect,
  coherenceBroken,
  deviceAttached,
  digestDiffers,
  staleUsed,
  steFieldEquals,
  translationIs,
} from '@steward/replay';
import type { BisectResult, Predicate, Probe, Verdict } from '@steward/replay';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withLedger, withReadModels, type OpenLedger } from '../ledger-access';
import { hexAddress, withLedgerOption } from '../options';
import { colour, print, printJson, say } from '../output';
import { StateFile, type Question } from '../state-file';

interface BisectFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly predicate?: PredicateName;
  readonly run?: string;
  readonly good?: string;
  readonly bad?: string;
  readonly device?: string;
  readonly to?: string;
  readonly field?: string;
  readonly value?: string;
  readonly iova?: string;
  readonly other?: string;
  readonly state?: string;
}

/** The built-in predicates: what each needs, and how it is made. */
const PREDICATES = {
  attached: {
    needs: ['device', 'to'],
    make: (open: OpenLedger, f: Asked) => deviceAttached(open, f.device, f.to),
  },
  ste: {
    needs: ['device', 'field', 'value'],
    make: (open: OpenLedger, f: Asked) => steFieldEquals(open, f.device, f),
  },
  translation: {
    needs: ['device', 'iova', 'to'],
    make: (open: OpenLedger, f: Asked) =>
      translationIs(open, f.device, { iova: hexAddress(f.iova), to: addressOrNowhere(f.to) }),
  },
  'stale-use': { needs: [], make: (open: OpenLedger) => staleUsed(open) },
  coherence: { needs: [], make: (open: OpenLedger) => coherenceBroken(open) },
  digest: { needs: ['other'], make: undefined },
} as const;
type PredicateName = keyof typeof PREDICATES;
type Option = 'device' | 'to' | 'field' | 'value' | 'iova' | 'other';
type Asked = Record<Option, string>;

export function bisectCommand(program: Command): void {
  withLedgerOption(program.command('bisect'))
    .description('find the first commit at which something holds')
    .option('--predicate <name>', predicateHelp(), predicateName)
    .option(
      '--run <command>',
      'ask a command instead: exit 0 not yet, 125 cannot tell, 1 to 127 it holds; STEWARD_POSITION and STEWARD_LEDGER are set',
    )
    .option('--good <position>', 'a commit at which it does not hold yet', '0')
    .option('--bad <position>', 'a commit at which it holds', 'latest')
    .option('--device <id>', 'the device asked about')
    .option(
      '--to <where>',
      'blocked, KIND/ID, or the ID of a domain; of a translation: a PA in hex, or nowhere',
    )
    .option('--iova <address>', 'address that is translated, in hex')
    .option('--field <name>', 'a field of the STE in force, e.g. Config')
    .option('--value <value>', 'its value as `get device` shows it, e.g. NESTED or 0x1')
    .option('--other <ledger>', 'the ledger whose digests are compared')
    .option('--state <file>', 'keeps the probes, so that an interrupted search goes on')
    .action((flags: BisectFlags) => run(flags));
}

function addressOrNowhere(text: string): bigint | undefined {
  return text === 'nowhere' ? undefined : hexAddress(text);
}

function predicateHelp(): string {
  const each = Object.entries(PREDICATES).map(([name, { needs }]) =>
    needs.length === 0 ? name : `${name} (${needs.map((option) => `--${option}`).join(', ')})`,
  );
  return each.join('; ');
}

function predicateName(text: string): PredicateName {
  if (Object.hasOwn(PREDICATES, text)) return text as PredicateName;
  throw new InvalidArgumentError(`expected one of ${Object.keys(PREDICATES).join(', ')}.`);
}

async function run(flags: BisectFlags): Promise<void> {
  const question = questionOf(flags);
  await withReadModels(flags.ledger, async (open) => {
    const bounds = {
      good: await positionOf(flags.good ?? '0', open.ledger),
      bad: await positionOf(flags.bad ?? 'latest', open.ledger),
    };
    const whole: Question = { ...question, ...bounds, ledger: flags.ledger };
    const state = new StateFile(flags.state, whole, { what: 'search', schema: PROBES });
    await asking(open, flags, async (probe) => {
      const known: Probe[] = state.read()?.probes ?? [];
      const result = await bisect(bounds, probe, {
        known,
        onProbe: ({ position, verdict }, left) => {
          known.push({ position, verdict });
          state.keep({ probes: known });
          say(`commit ${position}: ${verdict} (at most ${left} more)`);
        },
      });
      state.remove();
      await report(open, result, whole, flags);
    });
  });
}

/** What is asked, as values: a search goes on only where the same is asked. */
function questionOf(flags: BisectFlags): Readonly<Record<string, string>> {
  if ((flags.predicate === undefined) === (flags.run === undefined)) {
    throw new CliError(EXIT.usage, 'give either --predicate or --run');
  }
  if (flags.run !== undefined) return { run: flags.run };
  const name = flags.predicate ?? 'attached';
  const needs: readonly Option[] = PREDICATES[name].needs;
  const missing = needs.filter((option) => flags[option] === undefined);
  if (missing.length > 0) {
    const list = missing.map((option) => `--${option}`).join(', ');
    throw new CliError(EXIT.usage, `--predicate ${name} needs ${list}`);
  }
  const asked = needs.map((option) => [option, flags[option] ?? ''] as const);
  return { predicate: name, ...Object.fromEntries(asked) };
}

async function asking(
  open: OpenLedger,
  flags: BisectFlags,
  work: (probe: (position: number) => Promise<Verdict>) => Promise<void>,
): Promise<void> {
  const { run: command, predicate = 'attached', other = '' } = flags;
  if (command !== undefined) return work((position) => ask(command, flags.ledger, position));
  const { make } = PREDICATES[predicate];
  if (make !== undefined) return work(verdicts(make(open, flags as unknown as Asked)));
  return withLedger(other, 'read', ({ readModels }) =>
    work(verdicts(digestDiffers(open.readModels.digests, readModels.digests))),
  );
}

function verdicts(holds: Predicate): (position: number) => Promise<Verdict> {
  return async (position) => ((await holds(position)) ? 'bad' : 'good');
}

const CANNOT_TELL = 125;
const LAST_VERDICT = 127;

/** Runs a command with git bisect's exit codes. */
async function ask(command: string, ledger: string, position: number): Promise<Verdict> {
  const env = { ...process.env, STEWARD_POSITION: String(position), STEWARD_LEDGER: ledger };
  const { status, error } = spawnSync(command, {
    shell: true,
    env,
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  if (error !== undefined) throw new CliError(EXIT.failed, `--run: ${error.message}`);
  if (status === null || status > LAST_VERDICT) {
    throw new CliError(EXIT.failed, `--run: "${command}" ended with ${status ?? 'a signal'}`);
  }
  if (status === CANNOT_TELL) return 'skip';
  return status === 0 ? 'good' : 'bad';
}

const PROBES = z.object({
  probes: z.array(
    z.object({ position: z.int().nonnegative(), verdict: z.enum(['good', 'bad', 'skip']) }),
  ),
});

async function report(
  { ledger }: OpenLedger,
  result: BisectResult,
  question: Question,
  flags: BisectFlags,
): Promise<void> {
  const { first, good, bad, probes } = result;
  const commit = first === null ? undefined : await ledger.commit(first);
  const cause = commit && {
    ...{ position: commit.position, at: commit.at, actor: commit.actor },
    ...{ commandId: commit.commandId, command: commit.command, causationId: commit.causationId },
  };
  if (flags.json) return printJson({ question, first, good, bad, probes, commit: cause ?? null });
  if (commit === undefined) {
    print(`somewhere after ${good} and up to ${bad}: the commits between could not be told`);
    return;
  }
  print(`${colour.bold(`commit ${commit.position}`)} is the first at which it holds`);
  print(`  ${JSON.stringify(commit.command)}`);
  print(
    `  by ${commit.actor} at ${commit.at}${commit.causationId ? `, caused by commit ${commit.causationId}` : ''}`,
  );
  print(`  ${probes.length} probes; look at it with: steward show ${commit.position}`);
}
