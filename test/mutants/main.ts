import { availableParallelism } from 'node:os';
import { Argument, Command, Option } from 'commander';
import { runCommand } from '../command-line';
import { checkMutants, unexpected, type Verdict } from './check';
import { ROOMS } from './rooms';
import { StaleMutantError } from './workshop';

interface Flags {
  readonly json?: true;
  readonly only?: string;
  readonly from?: string;
}

function line({ id, rule, file, by, survives }: Verdict): string {
  const fate = by === undefined ? `SURVIVES${survives ? `, as it must: ${survives}` : ''}` : by;
  return `${id}  ${rule}  (${file})  ${fate}\n`;
}

async function run(room: string, flags: Flags): Promise<void> {
  const all = ROOMS[room] ?? [];
  const named = flags.only ?? flags.from;
  const at = named === undefined ? 0 : all.findIndex(({ id }) => id === named);
  if (at < 0) {
    process.stderr.write(`no mutant of ${room} is called ${named}\n`);
    process.exitCode = 3;
    return;
  }
  const chosen = flags.only === undefined ? all.slice(at) : all.slice(at, at + 1);
  let done = 0;
  const verdicts = await checkMutants(room, chosen, {
    workers: Math.min(availableParallelism(), chosen.length),
    onVerdict: (verdict) => {
      process.stderr.write(`${++done}/${chosen.length} ${line(verdict)}`);
    },
  });
  const wrong = unexpected(verdicts);
  const killed = verdicts.filter((verdict) => verdict.killed).length;
  const survivors = verdicts.filter((verdict) => !verdict.killed);
  if (flags.json === true) {
    const report = { room, mutants: verdicts.length, killed, survivors, unexpected: wrong };
    process.stdout.write(`${JSON.stringify({ ...report, verdicts })}\n`);
  } else {
    process.stdout.write(`${room}: ${verdicts.length} mutants, ${killed} killed\n`);
    for (const verdict of survivors) process.stdout.write(line(verdict));
  }
  if (wrong.length > 0) process.exitCode = 1;
}

/** `npm run mutants -- ROOM [--json] [--only ID | --from ID]`: inverts rules of a room one by one and looks what notices. */
export function main(argv: readonly string[]): void {
  const command = new Command('mutants')
    .description('inverts rules of a room one by one, and looks whether some vector or test fails')
    .addArgument(new Argument('<room>', 'the room').choices(Object.keys(ROOMS)))
    .option('--json', 'one JSON document')
    .addOption(new Option('--only <id>', 'one mutant alone').conflicts('from'))
    .option(
      '--from <id>',
      'this mutant and those after it: goes on with a list that was interrupted',
    )
    .action(run);
  runCommand(command, argv, (error) => error instanceof StaleMutantError);
}
