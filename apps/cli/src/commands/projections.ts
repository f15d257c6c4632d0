import type { Command } from 'commander';
import type { ProjectionStatus } from '@steward/control';
import { EXIT } from '../exit-codes';
import { migrations } from '../files';
import { withControl } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';

interface ProjectionsFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly rebuild?: boolean;
}

export function projectionsCommand(program: Command): void {
  withLedgerOption(program.command('projections'))
    .description('how far each read model is behind the log, and which have stopped')
    .option('--rebuild', 'compute the read models anew aside, then switch to them at once')
    .action((flags: ProjectionsFlags) => run(flags));
}

async function run(flags: ProjectionsFlags): Promise<void> {
  await withControl(flags.ledger, 'write', async (app, { ledger }) => {
    const { Projection } = await import('@steward/control');
    const projection = app.get(Projection);
    await projection.catchUp();
    const latest = await ledger.latest();
    if (flags.rebuild) {
      const bar = progressBar('rebuilding');
      const where = { file: flags.ledger, migrations: migrations() };
      const progress = (position: number): void => bar.update(position, latest);
      await projection.rebuild(where, progress).finally(bar.stop);
    }
    const projections = await projection.status();
    if (projections.some(({ stopped }) => stopped !== null)) process.exitCode = EXIT.failed;
    if (flags.json) printJson({ position: latest, projections });
    else for (const status of projections) printStatus(status);
  });
}

function printStatus({ projection, position, lag, stopped }: ProjectionStatus): void {
  const state = stopped === null ? '' : `  STOPPED: ${stopped}`;
  print(`${projection.padEnd(12)} at commit ${position}, ${lag} behind${state}`);
}
