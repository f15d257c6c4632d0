import Table from 'cli-table3';
import { Command } from 'commander';
import { runCommand } from '../command-line';
import type { Measured } from './measurement';
import { MEASUREMENTS } from './measurements';

interface Options {
  readonly json?: true;
  readonly quick?: true;
}

function row(m: Measured): string[] {
  const figure = (value: number | undefined): string =>
    value === undefined ? '' : value.toLocaleString('en', { maximumSignificantDigits: 4 });
  return [
    m.name,
    `${figure(m.value)} ${m.unit}`,
    m.better,
    m.baseline === undefined ? '' : `${figure(m.baseline.value)} (${m.baseline.name})`,
    figure(m.ratio),
    m.note ?? '',
  ];
}

async function bench(prefixes: readonly string[], options: Options): Promise<void> {
  const chosen = MEASUREMENTS.filter(
    (m) => prefixes.length === 0 || prefixes.some((prefix) => m.name.startsWith(prefix)),
  );
  if (chosen.length === 0) {
    process.stderr.write(
      `no measurement begins with ${prefixes.join(' or ')}; there are:\n` +
        MEASUREMENTS.map((m) => `  ${m.name}\n`).join(''),
    );
    process.exitCode = 2;
    return;
  }
  const head = ['name', 'value', 'better', 'baseline', 'ratio', 'note'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const measurement of chosen) {
    if (process.stderr.isTTY) process.stderr.write(`${measurement.name} …\n`);
    const measured = await measurement.measure({ quick: options.quick === true });
    if (options.json === true) process.stdout.write(`${JSON.stringify(measured)}\n`);
    else table.push(row(measured));
  }
  if (options.json !== true) process.stdout.write(`${table.toString()}\n`);
}

/** `npm run --silent bench -- [PREFIX…] [--json] [--quick]`. */
export function main(argv: readonly string[]): void {
  const command = new Command('bench')
    .description('Measures, each beside a baseline taken in the same run.')
    .argument('[prefix...]', 'run the measurements whose names begin so; all without it')
    .option('--json', 'one JSON object a line')
    .option('--quick', 'smaller sizes: at most 60 s in all')
    .action(bench);
  runCommand(command, argv);
}
