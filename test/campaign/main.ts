import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import { runCommand } from '../command-line';
import type { Campaign, CampaignOptions } from './campaign';
import { CAMPAIGNS } from './campaigns';

/** How often a campaign says how far it is where there is no terminal for a bar. */
const LINE_EVERY_MS = 30_000;

function progressOf(campaign: Campaign): (done: number, total: number) => void {
  if (!process.stderr.isTTY) return linesOf(campaign);
  const bar = new SingleBar({
    format: `${campaign.name} {bar} {value}/{total}, {eta_formatted} left`,
    stream: process.stderr,
  });
  bar.start(1, 0);
  return (done, total) => {
    bar.setTotal(total);
    bar.update(done);
    if (done >= total) bar.stop();
  };
}

function linesOf({ name }: Campaign): (done: number, total: number) => void {
  const started = performance.now();
  let next = started + LINE_EVERY_MS;
  return (done, total) => {
    const now = performance.now();
    if (now < next || done === 0) return;
    next = now + LINE_EVERY_MS;
    const left = Math.round((((now - started) / done) * (total - done)) / 1000);
    process.stderr.write(`${name}: ${done} of ${total}, about ${left} s left\n`);
  };
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('not a whole number');
  return Number(text);
}

interface Options extends CampaignOptions {
  readonly json?: true;
}

async function run(names: readonly string[], options: Options): Promise<void> {
  const unknown = names.filter((name) => !CAMPAIGNS.some((campaign) => campaign.name === name));
  if (unknown.length > 0) {
    const known = CAMPAIGNS.map((campaign) => `  ${campaign.name}: ${campaign.about}\n`).join('');
    process.stderr.write(`no campaign is called ${unknown.join(', ')}; there are:\n${known}`);
    process.exitCode = 2;
    return;
  }
  for (const campaign of CAMPAIGNS) {
    if (names.length > 0 && !names.includes(campaign.name)) continue;
    const started = performance.now();
    const report = await campaign.run(progressOf(campaign), options);
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
    if (!report.ok) process.exitCode = 1;
    const text = JSON.stringify({ campaign: campaign.name, ...report, seconds });
    process.stdout.write(options.json === true ? `${text}\n` : `${campaign.name}: ${text}\n`);
  }
}

/** `npm run campaign -- [NAME…] [--seed N] [--cases N] [--json]`. */
export function main(argv: readonly string[]): void {
  const command = new Command('campaign')
    .description('Runs long checks in full; `npm test` runs each at a size that fits.')
    .argument('[name...]', 'the campaigns to run; all without it')
    .option('--seed <n>', 'the seed of the first random case', count)
    .option('--cases <n>', 'how many random cases', count)
    .option('--json', 'one JSON object a campaign')
    .action(run);
  runCommand(command, argv);
}
