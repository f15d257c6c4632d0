import { Command } from 'commander';
import { archiveCommands } from './commands/archive';
import { auditCommand } from './commands/audit';
import { backupCommands } from './commands/backup';
import { bundleCommand } from './commands/bundle';
import { bisectCommand } from './commands/bisect';
import { closeCommand } from './commands/close';
import { decodeCommand } from './commands/decode';
import { diffCommand } from './commands/diff';
import { doctorCommand } from './commands/doctor';
import { evidenceCommands } from './commands/evidence';
import { exportCommand } from './commands/export';
import { forkCommand } from './commands/fork';
import { getCommand } from './commands/get';
import { importCommand } from './commands/import';
import { logCommand } from './commands/log';
import { projectionsCommand } from './commands/projections';
import { replayCommand } from './commands/replay';
import { runCommand } from './commands/run';
import { showCommand } from './commands/show';
import { verifyCommand } from './commands/verify';
import { whyCommand } from './commands/why';

const VERSION = '0.1.0';

/** The whole command line: every command with its options. */
export function program(): Command {
  const steward = new Command('steward')
    .description('event-sourced control plane for simulated guests behind ARM SMMUv3 IOMMUs')
    .version(VERSION)
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 tampering found, 6 replay diverged,\n  7 an invariant was violated (stale entries left by a host driver, or used)',
    );
  const commands = [
    ...[runCommand, logCommand, showCommand, getCommand, diffCommand, whyCommand, auditCommand],
    ...[
      evidenceCommands,
      backupCommands,
      bundleCommand,
      closeCommand,
      archiveCommands,
      doctorCommand,
      bisectCommand,
      forkCommand,
      replayCommand,
      projectionsCommand,
      verifyCommand,
      importCommand,
      exportCommand,
      decodeCommand,
    ],
  ];
  for (const add of commands) add(steward);
  return steward;
}
