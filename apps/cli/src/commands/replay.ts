import type { Command } from 'commander';
import { replay } from '@steward/replay';
import type { ChangedBehaviour } from '@steward/replay';
import { EXIT } from '../exit-codes';
import { positionOf, withLedger } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';

interface ReplayFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly to?: string;
}

export function replayCommand(program: Command): void {
  withLedgerOption(program.command('replay'))
    .description('rebuild the machine from the log alone and compare every recorded digest')
    .option('--to <position>', 'stop after this commit')
    .action((flags: ReplayFlags) => run(flags));
}

async function run(flags: ReplayFlags): Promise<void> {
  await withLedger(flags.ledger, 'read', async ({ ledger, readModels }) => {
    const to = await positionOf(flags.to ?? 'latest', ledger);
    const bar = progressBar('replaying');
    const progress = (position: number): void => bar.update(position, to);
    const started = performance.now();
    const result = await replay(ledger, readModels.digests, { to, progress });
    bar.stop();
    const wallMs = Math.round(performance.now() - started);
    const eventsPerSecond = Math.round((result.events / Math.max(wallMs, 1)) * 1000);
    if (result.diverged) process.exitCode = EXIT.diverged;
    if (flags.json) {
      printJson({ ...result, wallMs, eventsPerSecond });
      return;
    }
    print(`${result.events} events up to commit ${result.position} in ${wallMs} ms`);
    print(`digest    ${result.digest}`);
    print(`recorded  ${result.recordedDigest ?? 'none'}`);
    const { diverged, changed } = result;
    if (changed !== null) printChanged(changed);
    if (diverged === null) {
      if (changed === null) print('every recorded digest was reproduced');
      return;
    }
    print(`DIVERGED at commit ${diverged.position}:`);
    print(`expected  ${diverged.expected}`);
    print(`actual    ${diverged.actual}`);
  });
}

function printChanged({ version, position, expected, actual, why }: ChangedBehaviour): void {
  print(`changed behaviour from commit ${position} on, which machine version ${version} recorded:`);
  print(`then      ${expected}`);
  print(`now       ${actual}`);
  for (const reason of why) print(`because   ${reason}`);
}
