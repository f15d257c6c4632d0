import { Command, InvalidArgumentError } from 'commander';
import Table from 'cli-table3';
import { runCommand } from '../command-line';
import { DEFECTS, type Defect } from './defects';
import { hunt, runSeed, type Caught } from './simulation';

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly steps: number;
  readonly faults: 'on' | 'off';
  readonly mutant?: string;
  readonly json?: true;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('expected a whole number above 0');
  }
  return value;
}

function onOff(text: string): 'on' | 'off' {
  if (text !== 'on' && text !== 'off') throw new InvalidArgumentError('expected on or off');
  return text;
}

function clean({ seeds, from, steps, faults, json }: Options): void {
  const started = performance.now();
  let done = 0;
  let violations = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const run = runSeed(seed, steps, { faults: faults === 'on' });
    done += run.steps;
    if (run.breaches.length === 0) continue;
    violations++;
    for (const { position, by, what } of run.breaches.slice(0, 5)) {
      process.stderr.write(`seed ${seed}, commit ${position}: ${by}: ${what}\n`);
    }
    const again = `npm run simulate -- --from ${seed} --seeds 1 --steps ${steps} --faults ${faults}`;
    process.stderr.write(`repeat with: ${again}\n`);
  }
  const seconds = (performance.now() - started) / 1000;
  // Nothing is planted, so whatever an invariant says is a false alarm, or a defect of Steward's own.
  const result = { seeds, steps: done, violations, falseAlarms: violations, seconds };
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const rate = Math.round(done / seconds).toLocaleString('en');
    process.stdout.write(`${seeds} seeds, ${done.toLocaleString('en')} steps (${rate}/s): `);
    process.stdout.write(
      violations === 0 ? 'no invariant broken\n' : `${violations} seeds failed\n`,
    );
  }
  if (violations > 0) process.exitCode = 1;
}

function chosen(name: string): readonly Defect[] {
  const found = name === 'all' ? DEFECTS : DEFECTS.filter((defect) => defect.name === name);
  if (found.length > 0) return found;
  const names = DEFECTS.map((defect) => defect.name).join(', ');
  throw new InvalidArgumentError(`no mutant ${name}; there are ${names}`);
}

function mutants({ seeds, from, steps, mutant, json }: Options): void {
  const found: Caught[] = [];
  for (const defect of chosen(mutant!)) {
    found.push(hunt(defect, { from, seeds, steps }));
    if (process.stderr.isTTY) process.stderr.write(`\r${found.length} `);
  }
  if (json) process.stdout.write(`${JSON.stringify({ mutants: found })}\n`);
  else {
    const table = new Table({ head: ['mutant', 'caught by', 'commit', 'seed', 'blamed rightly'] });
    for (const { mutant: name, by, position, seed, attributed } of found) {
      table.push([name, by ?? 'NOBODY', position ?? '', seed ?? '', attributed ? 'yes' : 'NO']);
    }
    process.stdout.write(`${table.toString()}\n`);
  }
  if (!found.every(({ caught, attributed }) => caught && attributed)) process.exitCode = 1;
}

export function main(args: readonly string[]): void {
  const program = new Command('simulate')
    .description('random fleets, every invariant checked at every commit')
    .option('--seeds <n>', 'how many seeds to play', positive, 20)
    .option('--from <seed>', 'the first seed', positive, 1)
    .option('--steps <m>', 'commits a seed', positive, 4000)
    .option('--faults <on|off>', 'hardware that reads ahead at the worst of moments', onOff, 'on')
    .option('--mutant <name>', 'plant this defect, or each of `all`: it must be caught')
    .option('--json', 'one document')
    .action((options: Options) =>
      options.mutant === undefined ? clean(options) : mutants(options),
    );
  runCommand(program, args);
}
